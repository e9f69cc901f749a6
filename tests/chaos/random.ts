import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Random choices that are the same for the same seed. */
export class Random {
  private readonly generator;

  constructor(seed: number) {
    this.generator = xoroshiro128plus(seed);
  }

  /** A whole number, both bounds included. */
  int(from: number, to: number): number {
    return uniformInt(this.generator, from, to);
  }

  /** Another one, whose choices do not depend on when this one's are made. */
  fork(): Random {
    return new Random(this.int(0, 2 ** 30));
  }

  /** True once in `times`, on average. */
  oneIn(times: number): boolean {
    return this.int(1, times) === 1;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.int(0, items.length - 1)] ?? items[0];
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let end = shuffled.length - 1; end > 0; end -= 1) {
      const [item] = shuffled.splice(this.int(0, end), 1);
      if (item !== undefined) shuffled.push(item);
    }
    return shuffled;
  }
}
