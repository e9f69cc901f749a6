/** Milliseconds since 1970, and milliseconds of a clock that nobody sets. */
interface Clocks {
  wall(): number;
  monotonic(): number;
}

const systemClocks: Clocks = { wall: () => Date.now(), monotonic: () => performance.now() };
/** Less is no news: the two clocks do not agree to the millisecond. */
const worthTellingMs = 1_000;
/** Of its usual pace, at which time goes on while the wall clock catches up. */
const catchingUpPace = 0.1;

/**
 * The present moment, for timestamps: the wall clock, but never earlier than it said before. When the wall clock has
 * been set back, time goes on slowly from where it was until the wall clock has caught up.
 */
export class SteadyClock {
  readonly #clocks: Clocks;
  readonly #setBack: (seconds: number) => void;
  #last = Number.NEGATIVE_INFINITY;
  #lastAt = 0;
  #isCatchingUp = false;

  /** `setBack` is told each time the wall clock is found to be set back, and by how much. */
  constructor(setBack: (seconds: number) => void = () => {}, clocks: Clocks = systemClocks) {
    this.#setBack = setBack;
    this.#clocks = clocks;
  }

  /** As RFC 3339. */
  now(): string {
    const at = this.#clocks.monotonic();
    const wall = this.#clocks.wall();
    const elapsed = at - this.#lastAt;
    const isCatchingUp = wall < this.#last;
    if (isCatchingUp && !this.#isCatchingUp) {
      const backMs = this.#last + elapsed - wall;
      if (backMs > worthTellingMs) this.#setBack(Math.round(backMs / 1_000));
    }
    this.#isCatchingUp = isCatchingUp;
    this.#last = isCatchingUp ? Math.max(wall, this.#last + elapsed * catchingUpPace) : wall;
    this.#lastAt = at;
    return new Date(this.#last).toISOString();
  }
}
