import type { WebSocket } from 'uWebSockets.js';
import { errorTable, type Refusal } from '@motience/protocol';
import { errorFrame } from './error-frame.ts';

/** One open socket. Every method is harmless once it is closed. */
export class ServerSocket {
  private socket: WebSocket<unknown> | undefined;

  constructor(
    socket: WebSocket<unknown>,
    readonly requestId: string,
  ) {
    this.socket = socket;
  }

  get isOpen(): boolean {
    return this.socket !== undefined;
  }

  /** Bytes that wait in this process because the other end does not read. */
  bufferedBytes(): number {
    return this.socket?.getBufferedAmount() ?? 0;
  }

  /** Sends a text frame. A socket that cannot take it is cut: it must never miss a frame and go on. */
  send(text: string): void {
    if (this.socket?.send(text) === 2) this.cut();
  }

  ping(): void {
    this.socket?.ping();
  }

  subscribe(topic: string): void {
    this.socket?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.socket?.unsubscribe(topic);
  }

  /** Sends an error frame; the socket stays open. */
  warn(refusal: Refusal): void {
    this.send(errorFrame(refusal));
  }

  /** Sends an error frame, then closes with the code the contract has for it. */
  refuse(refusal: Refusal): void {
    const code = errorTable[refusal.kind].close ?? errorTable.internal.close;
    this.socket?.cork(() => {
      this.send(errorFrame(refusal, { requestId: this.requestId }));
      this.end(code, refusal.kind);
    });
  }

  end(code: number, reason: string): void {
    this.socket?.end(code, reason);
  }

  /** Ends without a goodbye (1006 at the other end). */
  cut(): void {
    this.socket?.close();
  }

  /** Called by the server when the socket is gone. */
  forget(): void {
    this.socket = undefined;
  }
}
