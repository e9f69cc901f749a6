import type { WebSocket } from 'uWebSockets.js';
import { errorTable, type Refusal } from '@motience/protocol';
import { type ErrorSubject, errorFrame } from './error-frame.ts';

/** How long a socket that is to close may take to read what waits for it, in ms. */
const farewellMs = 1_500;
const farewellLookMs = 100;

/** What is done for a socket as it is written to. */
export interface SocketListener {
  /** Nothing more is sent, or what waited was read after that: afterwards nobody can tell what waits. */
  sendingEnds(): void;
  /** Some of what waited has left, while it is known what still waits. */
  drained(): void;
}

/** Somebody who waits until no more than so many bytes are buffered. */
interface Waiter {
  bytes: number;
  resolve(): void;
}

/** One open socket. Every method is harmless once it is closed, or about to be. */
export class ServerSocket {
  private socket: WebSocket<unknown> | undefined;
  /** Set once it is only left to read what waits for it. */
  private farewell: NodeJS.Timeout | undefined;
  listener: SocketListener | undefined;
  /** Undefined until somebody waits, as few sockets ever have. */
  private waiting: Set<Waiter> | undefined;

  constructor(
    socket: WebSocket<unknown>,
    readonly requestId: string,
  ) {
    this.socket = socket;
  }

  /** False from when it begins to close. */
  get isOpen(): boolean {
    return this.socket !== undefined && this.farewell === undefined;
  }

  /** Bytes that wait in this process because the other end does not read. */
  bufferedBytes(): number {
    return this.socket?.getBufferedAmount() ?? 0;
  }

  /** Sends a text frame. A socket that cannot take it is cut: it must never miss a frame and go on. */
  send(text: string): void {
    if (this.isOpen && this.socket?.send(text, false, true) === 2) this.cut();
  }

  /** The same for a text frame in UTF-8, which is copied. */
  sendBytes(frame: Uint8Array): void {
    if (this.isOpen && this.socket?.send(frame, false, true) === 2) this.cut();
  }

  /** Runs what sends several frames at once, which is cheaper together. */
  cork(send: () => void): void {
    if (this.socket) this.socket.cork(send);
    else send();
  }

  /** Resolves once no more than so many bytes are buffered, or when the socket is closed. */
  whenDrained(bytes: number): Promise<void> {
    if (!this.isOpen || this.bufferedBytes() <= bytes) return Promise.resolve();
    const waiting = this.waiting ?? new Set();
    this.waiting = waiting;
    return new Promise((resolve) => waiting.add({ bytes, resolve }));
  }

  /** Called by the server when some of what was buffered is gone. */
  drained(): void {
    if (this.socket) this.listener?.drained();
    for (const waiter of this.waiting ?? []) {
      if (this.isOpen && this.bufferedBytes() > waiter.bytes) continue;
      this.waiting?.delete(waiter);
      waiter.resolve();
    }
  }

  ping(): void {
    this.socket?.ping();
  }

  subscribe(topic: string): void {
    if (this.isOpen) this.socket?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.socket?.unsubscribe(topic);
  }

  /** Sends an error frame; the socket stays open. */
  warn(refusal: Refusal, about?: ErrorSubject): void {
    this.send(errorFrame(refusal, about));
  }

  /** Sends an error frame, then closes with the code the contract has for it. */
  refuse(refusal: Refusal): void {
    if (!this.isOpen) return;
    const code = errorTable[refusal.kind].close ?? errorTable.internal.close;
    this.socket?.cork(() => {
      this.send(errorFrame(refusal, { requestId: this.requestId }));
      this.end(code, refusal.kind);
    });
  }

  /**
   * Closes. When something still waits to be read, nothing is added to it, and the socket has a moment to read it: then
   * it is cut, because uWebSockets.js would keep what waits for long.
   */
  end(code: number, reason: string): void {
    if (!this.isOpen) return;
    // It is handed what was published before.
    for (const topic of this.socket?.getTopics() ?? []) this.socket?.unsubscribe(topic);
    this.listener?.sendingEnds();
    if (this.bufferedBytes() === 0) {
      this.socket?.end(code, reason);
      return;
    }
    const cutAt = performance.now() + farewellMs;
    this.farewell = setInterval(() => {
      if (this.bufferedBytes() === 0) {
        this.listener?.sendingEnds();
        this.socket?.end(code, reason);
      } else if (performance.now() >= cutAt) this.cut();
    }, farewellLookMs);
    this.drained();
  }

  /** Ends without a goodbye (1006 at the other end). */
  cut(): void {
    if (this.socket) this.listener?.sendingEnds();
    this.socket?.close();
  }

  /** Called by the server when the socket is gone. */
  forget(): void {
    clearInterval(this.farewell);
    this.socket = undefined;
    this.drained();
  }
}
