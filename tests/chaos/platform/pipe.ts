import type { Socket } from 'node:net';

/** What one way of a connection takes in before the sender has to wait. */
const mostBytes = 256 * 1024;

/** Carries bytes one way between two sockets, later if told to, or not until told to. */
export class Pipe {
  private readonly queue: { bytes: Buffer; due: number }[] = [];
  private queuedBytes = 0;
  private delayMs = 0;
  private held = false;
  private ended = false;
  private blocked = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
  ) {
    from.on('error', () => {});
    from.on('data', (bytes: Buffer) => {
      this.queue.push({ bytes, due: performance.now() + this.delayMs });
      this.queuedBytes += bytes.length;
      this.move();
    });
    from.once('close', () => {
      this.ended = true;
      this.move();
    });
    to.on('drain', () => {
      this.blocked = false;
      this.move();
    });
    to.once('close', () => clearTimeout(this.timer));
  }

  set({ delayMs, held }: { delayMs: number; held: boolean }): void {
    this.delayMs = delayMs;
    this.held = held;
    this.move();
  }

  private move(): void {
    clearTimeout(this.timer);
    const now = performance.now();
    while (!this.held && !this.blocked) {
      const [first] = this.queue;
      if (!first) break;
      if (first.due > now) {
        this.timer = setTimeout(() => this.move(), first.due - now);
        break;
      }
      this.queue.shift();
      this.queuedBytes -= first.bytes.length;
      this.blocked = !this.to.write(first.bytes);
    }
    if (this.ended && this.queue.length === 0 && !this.held) this.to.destroySoon();
    if (this.held || this.queuedBytes > mostBytes) this.from.pause();
    else this.from.resume();
  }
}
