import { SocketClient, until } from './socket-client.ts';

/**
 * Streams readings 1…count of a device with `sequence`, in order, over one socket at a time, and after every loss goes
 * on from the oldest unacknowledged one: what the contract asks of a device, in its simplest form.
 */
export class StubbornDevice {
  acknowledged = 0;
  connections = 0;
  private sent = 0;
  readonly done: Promise<void>;

  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly deviceId: string,
    private count: number,
    /** How many readings may be unacknowledged; they are looked at a hundred times a second. */
    private readonly window = 500,
  ) {
    this.done = this.run();
  }

  /** Sends no more than it has to, to end on a reading that was acknowledged; returns how many that makes. */
  async finish(): Promise<number> {
    this.count = this.sent;
    await this.done;
    return this.count;
  }

  private async run(): Promise<void> {
    while (this.acknowledged < this.count) {
      const client = await SocketClient.open(this.url, this.token);
      if (!client.closed) this.connections += 1;
      const first = this.acknowledged + 1;
      let next = first;
      await until(() => {
        this.acknowledged = first - 1 + client.acknowledged();
        for (; !client.closed && next <= Math.min(this.count, this.acknowledged + this.window); next += 1) {
          client.send(this.reading(next));
          this.sent = Math.max(this.sent, next);
        }
        return client.closed !== undefined || this.acknowledged === this.count;
      }, 60_000);
      client.close();
    }
  }

  private reading(sequence: number) {
    return { device_id: this.deviceId, timestamp: '2025-01-29T11:35:00Z', data: { value: sequence }, sequence };
  }
}
