/** A bucket of `burst` tokens that fills by `perSecond`. Plain numbers, because one is kept for every socket. */
export interface TokenBucket {
  tokens: number;
  /** When `tokens` was right, in ms of a monotonic clock. */
  at: number;
}

export interface Rate {
  perSecond: number;
  burst: number;
}

export function fullBucket(rate: Rate, now: number): TokenBucket {
  return { tokens: rate.burst, at: now };
}

/** Takes tokens out and returns 0; if there are too few, takes none and returns the seconds until there are enough. */
export function takeTokens(bucket: TokenBucket, rate: Rate, count: number, now: number): number {
  bucket.tokens = Math.min(rate.burst, bucket.tokens + ((now - bucket.at) / 1000) * rate.perSecond);
  bucket.at = now;
  if (bucket.tokens < count) return (count - bucket.tokens) / rate.perSecond;
  bucket.tokens -= count;
  return 0;
}
