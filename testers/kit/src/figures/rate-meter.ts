const bucketMs = 500;
const buckets = 121;

/** How many of something happen per second, now and over the last minute. Its size does not depend on how many. */
export class RateMeter {
  readonly #counts = new Array<number>(buckets).fill(0);
  #latest = Number.NEGATIVE_INFINITY;

  add(nowMs: number, count = 1): void {
    const bucket = this.#advance(nowMs);
    this.#counts[bucket % buckets] = (this.#counts[bucket % buckets] ?? 0) + count;
  }

  /** Per second, over the last 3 s that are complete. */
  perSecond(nowMs: number): number {
    const current = this.#advance(nowMs);
    let sum = 0;
    for (let back = 1; back <= 6; back += 1) sum += this.#at(current - back);
    return sum / 3;
  }

  /** Per second, for each of the last 60 s, the oldest first. */
  history(nowMs: number): number[] {
    const current = this.#advance(nowMs);
    return Array.from({ length: 60 }, (_, index) => {
      const first = current - 120 + index * 2;
      return this.#at(first) + this.#at(first + 1);
    });
  }

  #at(bucket: number): number {
    return bucket > this.#latest - buckets ? (this.#counts[((bucket % buckets) + buckets) % buckets] ?? 0) : 0;
  }

  #advance(nowMs: number): number {
    const bucket = Math.floor(nowMs / bucketMs);
    const from = Math.max(this.#latest + 1, bucket - buckets + 1);
    for (let at = from; at <= bucket; at += 1) this.#counts[at % buckets] = 0;
    this.#latest = Math.max(this.#latest, bucket);
    return this.#latest;
  }
}
