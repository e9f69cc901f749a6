import { fullBucket, type TokenBucket, takeTokens } from './token-bucket.ts';

/** Addresses remembered at once; beyond it those seen first are forgotten, which is as if they had waited. */
const maxAddresses = 100_000;

/**
 * Limits new sockets per address, in this process and at once: an upgrade has to be answered before anything can be
 * awaited.
 */
export class AddressLimit {
  private readonly buckets = new Map<string, TokenBucket>();
  private readonly rate;

  constructor(perMinute: number) {
    this.rate = { perSecond: perMinute / 60, burst: perMinute };
  }

  /** Counts one and returns 0; over the limit counts none and returns the seconds to wait. */
  take(address: string, now = performance.now()): number {
    let bucket = this.buckets.get(address);
    if (!bucket) {
      bucket = fullBucket(this.rate, now);
      this.buckets.set(address, bucket);
      if (this.buckets.size > maxAddresses) this.forgetFirst();
    }
    return takeTokens(bucket, this.rate, 1, now);
  }

  private forgetFirst(): void {
    for (const address of this.buckets.keys()) {
      this.buckets.delete(address);
      return;
    }
  }
}
