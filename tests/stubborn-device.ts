import { SocketClient, until } from './socket-client.ts';

const window = 500;

/**
 * Streams readings 1…count of a device with `sequence`, in order, over one socket at a time, and after every loss goes
 * on from the oldest unacknowledged one: what the contract asks of a device, in its simplest form.
 */
export class StubbornDevice {
  acknowledged = 0;
  connections = 0;
  readonly done: Promise<void>;

  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly deviceId: string,
    private readonly count: number,
  ) {
    this.done = this.run();
  }

  private async run(): Promise<void> {
    while (this.acknowledged < this.count) {
      const client = await SocketClient.open(this.url, this.token);
      if (!client.closed) this.connections += 1;
      const first = this.acknowledged + 1;
      let sent = this.acknowledged;
      await until(() => {
        this.acknowledged = first - 1 + client.acknowledged();
        while (!client.closed && sent < Math.min(this.count, this.acknowledged + window)) {
          sent += 1;
          client.send(this.reading(sent));
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
