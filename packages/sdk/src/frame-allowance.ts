/** Half of what the gateway takes per second, so that a second's two halves cannot add up to too many. */
const framesPerSecond = 10;

/** How many control frames may be sent now. */
export class FrameAllowance {
  #left: number = framesPerSecond;

  get left(): number {
    return this.#left;
  }

  spend(frames: number): void {
    this.#left -= frames;
  }

  /** To be called every second, and when a connection begins. */
  renew(): void {
    this.#left = framesPerSecond;
  }
}
