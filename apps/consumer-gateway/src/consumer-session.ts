import { fullBucket, type Rate, type TokenBucket } from '@motience/gateway-kit';
import type { ConsumerUpFrame, Refusal } from '@motience/protocol';
import type { Reception } from './reception.ts';

/** What one socket of a consumer receives. */
export interface ConsumerSession {
  /** With `?mode=manual` nothing starts by itself. */
  readonly manual: boolean;
  /** The streams that are received, or about to be, by producer. */
  readonly receptions: Map<string, Reception>;
  /** What has to wait until the socket was welcomed; undefined from then on. */
  early: (ConsumerUpFrame | Refusal)[] | undefined;
  readonly bucket: TokenBucket;
}

export function startSession(manual: boolean, rate: Rate, now: number): ConsumerSession {
  return { manual, receptions: new Map(), early: [], bucket: fullBucket(rate, now) };
}
