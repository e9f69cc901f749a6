import type { Expiry, OpenAccount, OpenSocket, ServerSocket, SocketListener } from '@motience/gateway-kit';
import type { ConsumerDownFrame, Refusal } from '@motience/protocol';
import pLimit, { type LimitFunction } from 'p-limit';
import type { ConsumerSession } from './consumer-session.ts';
import { AheadRoom } from './past-ahead.ts';
import { SocketMeter } from './socket-meter.ts';

/** What a connection has done when the rights of its account change. */
export interface RightsListener {
  granted(connection: ConsumerConnection, producerId: string): void;
  withdrawn(connection: ConsumerConnection, producerId: string): void;
}

export interface BackfillBounds {
  /** How many run at once on a socket. */
  backfills: number;
  /** Bytes that may wait for the socket before they hold back. */
  bytes: number;
}

/** A consumer's open socket: where its session, its account and the wire meet. */
export class ConsumerConnection implements OpenSocket, SocketListener {
  warnedOfExpiry = false;
  private usedMeter: SocketMeter | undefined;
  private room: AheadRoom | undefined;
  private limit: LimitFunction | undefined;

  constructor(
    readonly session: ConsumerSession,
    readonly account: OpenAccount,
    readonly sessionId: string,
    readonly expiry: Expiry,
    readonly socket: ServerSocket,
    private readonly listener: RightsListener,
    private readonly bounds: BackfillBounds,
  ) {
    socket.listener = this;
  }

  /** What is metered on it. */
  get meter(): SocketMeter {
    this.usedMeter ??= new SocketMeter(this.socket, this.session.mode.compressed);
    return this.usedMeter;
  }

  /** Whether anything was ever metered on it. */
  get hasMeter(): boolean {
    return this.usedMeter !== undefined;
  }

  /** Bytes that may wait for the socket before a backfill holds back. */
  get backfillBytes(): number {
    return this.bounds.bytes;
  }

  /** Room for what its backfills read ahead. */
  get aheadRoom(): AheadRoom {
    this.room ??= new AheadRoom();
    return this.room;
  }

  /** Runs a backfill once one of the few is free that a socket may have at once. */
  limitBackfills<Result>(work: () => Promise<Result>): Promise<Result> {
    this.limit ??= pLimit(this.bounds.backfills);
    return this.limit(work);
  }

  sendingEnds(): void {
    this.usedMeter?.end();
  }

  drained(): void {
    this.usedMeter?.drained();
  }

  send(frame: ConsumerDownFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Sends an error frame; if the socket was not welcomed yet, after that. */
  warn(refusal: Refusal): void {
    if (this.session.early) this.session.early.push(refusal);
    else this.socket.warn(refusal);
  }

  /** Sends an error frame about a control frame that named a producer. */
  warnAbout(producerId: string, refusal: Refusal): void {
    this.socket.warn(refusal, { producerId });
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

  recounted(producerId: string): void {
    this.session.receptions.get(producerId)?.recounted();
  }
}
