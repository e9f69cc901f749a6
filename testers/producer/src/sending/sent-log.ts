import { BoundedList } from '@motience/testers-kit';

/** One press of a button, or one turn of the repetition: what was sent and what became of it. */
export interface SentEntry {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly deviceId: string;
  /** The first reading's text. */
  readonly text: string;
  readonly readings: number;
  acknowledged: number;
  refused: number;
  /** The first refusal, in words. */
  refusal: string | undefined;
  /** From sending until everything was settled. */
  settledMs: number | undefined;
  readonly startedAt: number;
}

export type SentStatus = 'waiting' | 'acknowledged' | 'refused';

export function statusOf({ readings, acknowledged, refused }: SentEntry): SentStatus {
  if (refused > 0) return 'refused';
  return acknowledged >= readings ? 'acknowledged' : 'waiting';
}

const logLimit = 200;

/** What was sent, newest first, with the answers next to it. Older entries go; their answers are still counted. */
export class SentLog {
  readonly #entries = new BoundedList<SentEntry>(logLimit);
  /** From a reading's place in the queue to its entry, until it is settled. */
  readonly #waiting = new Map<number, SentEntry>();
  #count = 0;
  #ackMs: number | undefined;

  get entries(): readonly SentEntry[] {
    return this.#entries.items;
  }

  /** How long the newest acknowledgement took; undefined before the first. */
  get ackMs(): number | undefined {
    return this.#ackMs;
  }

  open(deviceId: string, text: string, readings: number, now: { epochMs: number; monotonicMs: number }): SentEntry {
    this.#count += 1;
    const entry: SentEntry = {
      number: this.#count,
      at: now.epochMs,
      startedAt: now.monotonicMs,
      deviceId,
      text,
      readings,
      acknowledged: 0,
      refused: 0,
      refusal: undefined,
      settledMs: undefined,
    };
    this.#entries.add(entry);
    return entry;
  }

  queued(entry: SentEntry, queueIds: readonly number[]): void {
    for (const id of queueIds) this.#waiting.set(id, entry);
  }

  /** Notes that readings are settled: those not refused before are stored. Gives how many those are. */
  acknowledged(queueIds: readonly number[], monotonicMs: number): number {
    let stored = 0;
    for (const id of queueIds) {
      const entry = this.#waiting.get(id);
      if (!entry) continue;
      this.#waiting.delete(id);
      entry.acknowledged += 1;
      stored += 1;
      this.#settle(entry, monotonicMs);
    }
    return stored;
  }

  refused(queueId: number, refusal: string, monotonicMs: number): void {
    const entry = this.#waiting.get(queueId);
    if (!entry) return;
    this.#waiting.delete(queueId);
    entry.refused += 1;
    entry.refusal ??= refusal;
    this.#settle(entry, monotonicMs);
  }

  /** Notes that readings never got as far as the queue. */
  failed(entry: SentEntry, readings: number, refusal: string): void {
    entry.refused += readings;
    entry.refusal ??= refusal;
  }

  /** Notes that nothing will answer for the readings that still wait. */
  abandoned(reason: string): void {
    for (const entry of this.#waiting.values()) {
      entry.refused += 1;
      entry.refusal ??= reason;
    }
    this.#waiting.clear();
  }

  clear(): void {
    this.#entries.clear();
  }

  #settle(entry: SentEntry, monotonicMs: number): void {
    if (entry.acknowledged + entry.refused < entry.readings) return;
    entry.settledMs = monotonicMs - entry.startedAt;
    this.#ackMs = entry.settledMs;
  }
}
