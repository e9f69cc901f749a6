import type { Connection } from './connection.ts';
import { clientFrame } from './frames.ts';
import { findStamp, readingText, stampReading } from './reading.ts';

/** Sends numbered readings over a connection, each in a frame of its own. */
export class Sender {
  sent = 0;
  private readonly frame: Buffer;
  private readonly stampAt: number;

  constructor(private readonly connection: Connection) {
    const { opcode, before, after } = connection.dialect;
    const topic = connection.endpoint.topic ?? '';
    this.frame = clientFrame(opcode, Buffer.from(before(topic) + readingText + after, 'latin1'));
    this.stampAt = findStamp(this.frame, 0, this.frame.length);
  }

  get acknowledged(): number {
    return this.connection.acknowledged;
  }

  /** Writes as many frames at once. `micros` is when they count as sent. */
  send(count: number, micros: number): void {
    const size = this.frame.length;
    const frames = Buffer.allocUnsafe(count * size);
    for (let at = 0; at < count; at += 1) {
      this.frame.copy(frames, at * size);
      stampReading(frames, at * size + this.stampAt, micros, this.sent);
      this.sent += 1;
    }
    this.connection.write(frames);
  }
}
