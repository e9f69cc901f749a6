import { fullBucket, type Rate, type TokenBucket } from '@motience/gateway-kit';
import type { ConsumerUpFrame, Refusal } from '@motience/protocol';
import type { Reception } from './reception.ts';
import type { SocketMode } from './socket-mode.ts';

/** What one socket of a consumer receives. */
export interface ConsumerSession {
  readonly mode: SocketMode;
  /** The streams that are received, or about to be, by producer. */
  readonly receptions: Map<string, Reception>;
  /** What has to wait until the socket was welcomed; undefined from then on. */
  early: (ConsumerUpFrame | Refusal)[] | undefined;
  readonly bucket: TokenBucket;
}

export function startSession(mode: SocketMode, rate: Rate, now: number): ConsumerSession {
  return { mode, receptions: new Map(), early: [], bucket: fullBucket(rate, now) };
}
