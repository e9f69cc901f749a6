import { ProducerClient } from '../../packages/sdk/dist/index.js';

/**
 * A device that streams readings 1, 2, 3 … with our client until it is stopped, each with its number as `value` and
 * some padding. What is not acknowledged waits in its queue, which holds it back when it is full.
 */
export class StreamingDevice {
  /** How the gateway closed it, in order: close codes. */
  readonly closes: number[] = [];
  /** What it was told that was about no single reading. */
  readonly errors: { kind: string; detail: string }[] = [];
  readonly client: ProducerClient;
  sent = 0;
  private isStopped = false;
  private readonly sending: Promise<void>;

  constructor(
    url: string,
    token: string,
    private readonly deviceId: string,
    private readonly options: { paddingBytes?: number; pauseMs?: number } = {},
  ) {
    this.client = new ProducerClient({
      gatewayUrl: url,
      tokens: { accessToken: async () => token },
      assignSequence: true,
    });
    this.client.on('closed', ({ code }) => this.closes.push(code));
    this.client.on('error', ({ kind, detail }) => this.errors.push({ kind, detail }));
    this.client.start();
    this.sending = this.run();
  }

  get acknowledged(): number {
    return this.client.state.acknowledged;
  }

  /** Makes no more readings; resolves once all are acknowledged. */
  async finish(): Promise<void> {
    this.isStopped = true;
    await this.sending;
    await this.client.settled();
    await this.client.stop();
  }

  /** Ends it as it is. */
  async abort(): Promise<void> {
    this.isStopped = true;
    await this.client.stop();
    await this.sending;
  }

  private async run(): Promise<void> {
    const padding = 'x'.repeat(this.options.paddingBytes ?? 0);
    while (!this.isStopped) {
      this.sent += 1;
      const data = { value: this.sent, padding };
      const reading = { device_id: this.deviceId, timestamp: '2025-01-29T11:35:00Z', data };
      await this.client.send(reading).catch(() => {
        this.isStopped = true;
        this.sent -= 1;
      });
      const { pauseMs } = this.options;
      if (pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
