import type { HttpResponse } from 'uWebSockets.js';
import { allowAnyOrigin } from './http-replies.ts';

/**
 * One response with server-sent events (`text/event-stream`). Every method is harmless once it is over. Nothing is
 * queued beyond what one call writes: whoever writes much stops while it is full.
 */
export class EventStream {
  private response: HttpResponse | undefined;
  private hasBegun = false;
  private isCorked = false;
  private full = false;
  private readonly waiting = new Set<() => void>();
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
      this.wake();
      return true;
    });
  }

  get isOpen(): boolean {
    return this.response !== undefined;
  }

  /** Whether the other end has to read before more is written. */
  get isFull(): boolean {
    return this.full;
  }

  /** Resolves when it is not full any more, or over. */
  whenDrained(): Promise<void> {
    if (!this.full) return Promise.resolve();
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  /** Runs what writes several events at once, which is cheaper together. */
  cork(write: () => void): void {
    if (!this.response || this.isCorked) {
      write();
      return;
    }
    this.isCorked = true;
    try {
      this.response.cork(write);
    } finally {
      this.isCorked = false;
    }
  }

  /** Writes an event: its lines, and an empty one behind them. The first one is preceded by the head of the response. */
  write(event: string | Uint8Array): void {
    this.cork(() => {
      if (!this.response) return;
      this.begin(this.response);
      if (!this.response.write(event)) this.full = true;
    });
  }

  /** Ends the response. */
  end(): void {
    this.cork(() => {
      if (!this.response) return;
      this.begin(this.response);
      this.response.end();
    });
    this.forget();
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
    response.writeStatus('200 OK');
    response.writeHeader('content-type', 'text/event-stream');
    response.writeHeader('cache-control', 'no-store');
    response.writeHeader('x-content-type-options', 'nosniff');
    response.writeHeader('x-accel-buffering', 'no');
    allowAnyOrigin(response);
    response.write(`retry: ${reconnectMs}\n\n`);
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
