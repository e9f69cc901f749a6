import { type ReadonlySignal, signal } from '@preact/signals';

/** Does something every so often until stopped; skips a turn while an earlier one is still at it. */
export class Repetition {
  readonly #running = signal(false);
  #timer: ReturnType<typeof setInterval> | undefined;
  #busy = false;

  get running(): ReadonlySignal<boolean> {
    return this.#running;
  }

  /** Begins at once. */
  start(everyMs: number, turn: () => Promise<void>): void {
    this.stop();
    const once = async () => {
      if (this.#busy) return;
      this.#busy = true;
      try {
        await turn();
      } finally {
        this.#busy = false;
      }
    };
    this.#running.value = true;
    this.#timer = setInterval(() => void once(), everyMs);
    void once();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#running.value = false;
  }
}
