import type { OpenAccount, OpenSocket, ServerSocket } from '@motience/gateway-kit';
import type { ConsumerDownFrame, Refusal } from '@motience/protocol';
import type { ConsumerSession } from './consumer-session.ts';

/** What a connection has done when the rights of its account change. */
export interface RightsListener {
  granted(connection: ConsumerConnection, producerId: string): void;
  withdrawn(connection: ConsumerConnection, producerId: string): void;
}

/** A consumer's open socket: where its session, its account and the wire meet. */
export class ConsumerConnection implements OpenSocket {
  warnedOfExpiry = false;

  constructor(
    readonly session: ConsumerSession,
    readonly account: OpenAccount,
    readonly sessionId: string,
    readonly expiresAt: number,
    readonly socket: ServerSocket,
    private readonly listener: RightsListener,
  ) {}

  send(frame: ConsumerDownFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Sends an error frame; if the socket was not welcomed yet, after that. */
  warn(refusal: Refusal): void {
    if (this.session.early) this.session.early.push(refusal);
    else this.socket.warn(refusal);
  }

  refuse(refusal: Refusal): void {
    this.socket.refuse(refusal);
  }

  granted(producerId: string): void {
    this.listener.granted(this, producerId);
  }

  withdrawn(producerId: string): void {
    this.listener.withdrawn(this, producerId);
  }
}
