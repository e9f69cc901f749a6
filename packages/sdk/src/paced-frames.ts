import type { ConsumerUpFrame } from '@motience/protocol';

/** Half of what the gateway takes per second, so that a second's two halves cannot add up to too many. */
const framesPerSecond = 10;

/** Control frames that wait for their turn. A later wish for a stream replaces an earlier one that has not left. */
export class PacedFrames {
  readonly #waiting = new Map<string, ConsumerUpFrame>();
  #allowed: number = framesPerSecond;

  /** The frames that may be sent now. */
  add(frame: ConsumerUpFrame): ConsumerUpFrame[] {
    this.#waiting.delete(frame.producer_id);
    this.#waiting.set(frame.producer_id, frame);
    return this.#take();
  }

  /** To be called every second: the frames that may be sent now. */
  second(): ConsumerUpFrame[] {
    this.#allowed = framesPerSecond;
    return this.#take();
  }

  /** A new connection has its whole allowance, and nothing to do with what waited for the last one. */
  reset(): void {
    this.#waiting.clear();
    this.#allowed = framesPerSecond;
  }

  #take(): ConsumerUpFrame[] {
    const frames = [...this.#waiting.values()].slice(0, this.#allowed);
    this.#allowed -= frames.length;
    for (const { producer_id } of frames) this.#waiting.delete(producer_id);
    return frames;
  }
}
