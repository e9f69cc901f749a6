import type { HttpResponse } from 'uWebSockets.js';
import { allowAnyOrigin } from './http-replies.ts';

/**
 * One response with server-sent events (`text/event-stream`). Every method is harmless once it is over. Nothing is
 * queued beyond what one call writes: whoever writes much stops while it is full.
 */
export class EventStream {
  private response: HttpResponse | undefined;
  private hasBegun = false;
  /** What is to be written at once; undefined if each is written by itself. */
  private corked: Buffer[] | undefined;
  private corkedBytes = 0;
  private full = false;
  /** Since when it is full, in ms of the monotonic clock. */
  private fullSince = 0;
  private readonly waiting = new Set<() => void>();
  /** Bytes that may wait in this process: uWebSockets.js tells at each write whether all before it has gone. */
  private unconfirmed = 0;
  private onEnd = () => {};
  /** Resolves when it is over, whoever ended it. */
  readonly ended = new Promise<void>((resolve) => {
    this.onEnd = resolve;
  });

  constructor(
    response: HttpResponse,
    readonly requestId: string,
  ) {
    this.response = response;
    response.onAborted(() => this.forget());
    response.onWritable(() => {
      this.full = false;
      // Not within this call, which has a cork of its own.
      setImmediate(() => this.wake());
      return true;
    });
  }

  get isOpen(): boolean {
    return this.response !== undefined;
  }

  /** Whether the other end has to read before more is written. */
  get isFull(): boolean {
    return this.full || this.corkedBytes >= fullCorkBytes;
  }

  /** Bytes, at most, that wait in this process because the other end does not read. */
  bufferedBytes(): number {
    if (this.unconfirmed === 0 || this.full || !this.response) return this.unconfirmed;
    // A comment, which the other end ignores, finds it out.
    this.send(Buffer.from(':\n\n'));
    if (!this.full) this.unconfirmed = 0;
    return this.unconfirmed;
  }

  /** Resolves when it is not full any more, or over. */
  whenDrained(): Promise<void> {
    if (!this.full) return Promise.resolve();
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  /** Runs what writes several events at once, which is cheaper together. */
  cork(write: () => void): void {
    if (this.corked) {
      write();
      return;
    }
    this.corked = [];
    try {
      write();
    } finally {
      const bytes = Buffer.concat(this.corked);
      this.corked = undefined;
      this.corkedBytes = 0;
      this.send(bytes);
    }
  }

  /** Writes an event: its lines, and an empty one behind them. The first one is preceded by the head of the response. */
  write(event: string | Uint8Array): void {
    const bytes =
      typeof event === 'string' ? Buffer.from(event) : Buffer.from(event.buffer, event.byteOffset, event.length);
    if (!this.corked) {
      this.send(bytes);
      return;
    }
    this.corked.push(Buffer.from(bytes));
    this.corkedBytes += bytes.length;
  }

  /** To be called every few seconds: a reader that reads nothing is waited for, for two minutes. */
  keepAlive(): void {
    if (!this.full || !this.response) return;
    if (performance.now() - this.fullSince > longestStallMs) {
      this.response.close();
      return;
    }
    // uWebSockets.js gives up 10 s after a write that failed: this one fails as well, or there is room.
    this.send(Buffer.from(':\n\n'));
    if (!this.full) this.wake();
  }

  /** Ends the response. */
  end(): void {
    const { response } = this;
    if (!response) return;
    this.begin(response);
    response.cork(() => response.end());
    this.forget();
  }

  /**
   * One write for each cork, none larger than what uWebSockets.js corks: of what does not fit there it loses a part when
   * the socket cannot take what is corked already (uNetworking/uWebSockets.js#1249). So it is at the next write that it
   * tells that the socket is full.
   */
  private send(bytes: Buffer): void {
    const { response } = this;
    if (!response || bytes.length === 0) return;
    this.begin(response);
    for (let at = 0; at < bytes.length; at += maxWriteBytes) {
      const part = bytes.subarray(at, at + maxWriteBytes);
      response.cork(() => {
        const isFull = !response.write(part);
        this.unconfirmed = isFull ? this.unconfirmed + part.length : part.length;
        if (isFull && !this.full) this.fullSince = performance.now();
        this.full = isFull;
      });
    }
  }

  /** The response as it is if nothing was written yet, to be answered otherwise; it is over then. */
  giveBack(): HttpResponse | undefined {
    if (this.hasBegun) return undefined;
    const { response } = this;
    this.forget();
    return response;
  }

  private begin(response: HttpResponse): void {
    if (this.hasBegun) return;
    this.hasBegun = true;
    response.cork(() => {
      response.writeStatus('200 OK');
      response.writeHeader('content-type', 'text/event-stream');
      response.writeHeader('cache-control', 'no-store');
      response.writeHeader('x-content-type-options', 'nosniff');
      response.writeHeader('x-accel-buffering', 'no');
      allowAnyOrigin(response);
      response.write(`retry: ${reconnectMs}\n\n`);
    });
  }

  private forget(): void {
    if (!this.response) return;
    this.response = undefined;
    this.full = false;
    this.wake();
    this.onEnd();
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}

const reconnectMs = 1_000;

/** uWebSockets.js corks 16 KiB, in which the head of a chunk has to fit as well. */
const maxWriteBytes = 15 * 1024;

/** What is written at once before whoever writes is told to stop. */
const fullCorkBytes = 64 * 1024;

/** As long as an idle socket is kept. */
const longestStallMs = 120_000;
