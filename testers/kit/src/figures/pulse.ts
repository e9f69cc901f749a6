import { type ReadonlySignal, signal } from '@preact/signals';

/**
 * Tells the page that something kept outside of signals has changed, at most once per `everyMs`, however often that
 * happens. Components read `beats` and then look at the thing itself.
 */
export class Pulse {
  readonly #beats = signal(0);
  readonly #everyMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(everyMs = 100) {
    this.#everyMs = everyMs;
  }

  get beats(): ReadonlySignal<number> {
    return this.#beats;
  }

  touch(): void {
    this.#timer ??= setTimeout(() => this.now(), this.#everyMs);
  }

  /** Tells it at once. */
  now(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#beats.value += 1;
  }
}
