import type { Position } from '@motience/stream-log';
import type { PastReadings } from './past-readings.ts';
import { type EntitledTime, isEntitled } from './services/entitled-times.ts';
import { entitledEvents, eventsAfter, type PastEvent } from './stream-events.ts';

/** What follows a position, as far as a consumer may have it. */
export interface EntitledPart {
  events: PastEvent[];
  /** Whether the position was one to go on from. */
  known: boolean;
  reachesHead: boolean;
}

/** The past of a stream for one consumer: the times at which it had no active subscription are gaps. */
export class EntitledPast {
  private times: readonly EntitledTime[] | undefined;

  constructor(
    private readonly past: PastReadings,
    private readonly producerId: string,
    /** Since when the consumer's present subscription is active, in ms since 1970. */
    private readonly sinceMs: number,
    /** Reads all its times from PostgreSQL, which only a position from before needs. */
    private readonly findTimes: () => Promise<EntitledTime[]>,
  ) {}

  async readAfter(position: Position, maxBytes: number): Promise<EntitledPart> {
    const part = await this.past.readAfter(this.producerId, position, maxBytes);
    const oldest = part.steps.find((step) => step.type === 'batch');
    if (oldest && oldest.batch.retainedAtMs < this.sinceMs) this.times ??= await this.findTimes();
    const times = this.times ?? [{ fromMs: this.sinceMs, toMs: undefined }];
    return {
      events: [...entitledEvents(eventsAfter(position, part), (atMs) => isEntitled(times, atMs))],
      known: part.standing === 'known',
      reachesHead: part.reachesHead,
    };
  }
}
