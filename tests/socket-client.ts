/** A socket of the `ws` package that remembers everything it was sent. */
import { vi } from 'vitest';
import WebSocket from 'ws';

export type Frame = Record<string, unknown>;

export class SocketClient {
  readonly texts: string[] = [];
  closed: { code: number; reason: string } | undefined;
  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => this.texts.push(String(data)));
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
    socket.on('error', () => {});
  }

  /** Opens a socket with the token in the query, as the reference prints it. */
  static async open(url: string, token: string, query = ''): Promise<SocketClient> {
    const client = new SocketClient(
      new WebSocket(`${url}?token=${token}${query}`, { rejectUnauthorized: false, perMessageDeflate: false }),
    );
    await until(() => client.socket.readyState === WebSocket.OPEN || client.closed !== undefined);
    return client;
  }

  send(value: unknown): void {
    this.socket.send(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value));
  }

  frames(type?: string): Frame[] {
    return this.texts
      .map((text): Frame => JSON.parse(text))
      .filter((frame) => type === undefined || frame.type === type);
  }

  /** Readings: frames without a type. */
  readings(): Frame[] {
    return this.frames().filter((frame) => !('type' in frame));
  }

  /** How many readings of this connection are acknowledged. */
  acknowledged(): number {
    const last = this.texts.findLast((text) => Object(JSON.parse(text)).type === 'ack');
    return last === undefined ? 0 : Number(Object(JSON.parse(last)).through);
  }

  close(): void {
    this.socket.terminate();
  }
}

/** Waits for a condition; fails with what it last threw, or its line, after the deadline. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await condition())) throw new Error(`not yet: ${condition}`);
    },
    { timeout: timeoutMs, interval: 10 },
  );
}
