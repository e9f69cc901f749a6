import type { MissedReadings } from './consumer-events.ts';

/** Readings that found the buffer full, as runs without holes, so that a long one is reported once. */
export class MissedRuns {
  readonly #runs = new Map<string, MissedReadings>();

  /** Notes a reading; gives the run that it does not continue, if there is one. */
  add(producerId: string, epoch: string, seq: number): MissedReadings | undefined {
    const run = this.#runs.get(producerId);
    const continues = run?.epoch === epoch && run.to + 1 === seq;
    const from = continues ? run.from : seq;
    this.#runs.set(producerId, { producerId, epoch, from, to: seq, reason: 'buffer-full' });
    return continues ? undefined : run;
  }

  /** The stream's run, which is over. */
  end(producerId: string): MissedReadings | undefined {
    const run = this.#runs.get(producerId);
    this.#runs.delete(producerId);
    return run;
  }

  endAll(): MissedReadings[] {
    const runs = [...this.#runs.values()];
    this.#runs.clear();
    return runs;
  }
}
