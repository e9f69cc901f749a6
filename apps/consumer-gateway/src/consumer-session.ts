import { fullBucket, type Rate, type TokenBucket } from '@motience/gateway-kit';
import type { ConsumerUpFrame, Refusal } from '@motience/protocol';

/** How a consumer receives one stream on one socket. */
export interface Receiving {
  /** Only this device's readings; undefined: all. */
  deviceId: string | undefined;
}

/** A stream that is being opened for a socket. */
interface Opening {
  /** What was asked last. */
  asked: Receiving;
  /** How many times it was asked, so how many answers are owed. */
  answers: number;
}

/**
 * What one socket of a consumer receives. Kept apart from the socket: plain state, and functions over it.
 * A stream that is being opened is in `opening` until its position is known.
 */
export interface ConsumerSession {
  /** With `?mode=manual` nothing starts by itself. */
  readonly manual: boolean;
  readonly receiving: Map<string, Receiving>;
  /** Streams asked for whose position is not known yet. */
  readonly opening: Map<string, Opening>;
  /** What has to wait until the socket was welcomed; undefined from then on. */
  early: (ConsumerUpFrame | Refusal)[] | undefined;
  readonly bucket: TokenBucket;
}

export function startSession(manual: boolean, rate: Rate, now: number): ConsumerSession {
  return { manual, receiving: new Map(), opening: new Map(), early: [], bucket: fullBucket(rate, now) };
}

/** Whether the socket receives a stream or is about to. */
export function wants(session: ConsumerSession, producerId: string): boolean {
  return session.receiving.has(producerId) || session.opening.has(producerId);
}
