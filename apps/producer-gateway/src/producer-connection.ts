import type { Expiry, OpenAccount, OpenSocket, ServerSocket } from '@motience/gateway-kit';
import type { Refusal } from '@motience/protocol';
import { abandon, type ProducerSession } from './producer-session.ts';

/** A producer's open socket: where its session, its account and the wire meet. */
export class ProducerConnection implements OpenSocket {
  warnedOfExpiry = false;

  constructor(
    readonly session: ProducerSession,
    /** Where its stream lives. */
    readonly shard: number,
    readonly account: OpenAccount,
    readonly sessionId: string,
    readonly expiry: Expiry,
    private readonly socket: ServerSocket,
  ) {}

  send(frame: string): void {
    this.socket.send(frame);
  }

  warn(refusal: Refusal): void {
    this.socket.warn(refusal);
  }

  /** Tells why and closes; what comes after is not taken, what was taken before is still stored. */
  refuse(refusal: Refusal): void {
    this.session.isOver = true;
    this.socket.refuse(refusal);
  }

  /** The same for a connection some of whose readings could not be stored: nothing later may be either. */
  fail(refusal: Refusal): void {
    abandon(this.session);
    this.socket.refuse(refusal);
  }

  // Devices are looked up for each reading, so a change needs nothing here.
  granted(): void {}
  withdrawn(): void {}
  recounted(): void {}
}
