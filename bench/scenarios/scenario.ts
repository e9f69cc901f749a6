import type { Market, RunningTarget } from '../targets/target.ts';

/** One number of a scenario. */
export interface Figure {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  /** Decimals that mean something. */
  readonly decimals: number;
}

/** What one run of a scenario against one target gave. */
export interface Measurement {
  /** By the figure's key. */
  values: Record<string, number>;
  /** Readings or sockets that should have come through and did not. */
  lost: number;
  /** Whatever else was not as it should be. */
  troubles: string[];
  /** What the reader has to know to read the values. */
  notes?: string[];
  /** Cores that each part was busy on while it was measured. */
  cores: Map<string, number>;
}

export interface MeasureOptions {
  /** Seconds instead of minutes: shows that it works, not how fast. */
  quick: boolean;
  signal: AbortSignal;
}

/** Something to be measured, the same for every target. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is done and how it is counted, in a line or two. */
  readonly about: string;
  /** The first is the one that is drawn. */
  readonly figures: readonly [Figure, ...Figure[]];
  /** Names of those it can be measured on; everyone when left out. */
  readonly targets?: readonly string[];
  market(quick: boolean): Market;
  measure(target: RunningTarget, options: MeasureOptions): Promise<Measurement>;
}

/** On the way at once at most, in every scenario. */
export const window = 4_096;

/** A market in which `consumers` all receive the one producer there is. */
export function oneProducer(consumers: number): Market {
  return { producers: 1, subscriptions: Array.from({ length: consumers }, () => [0]) };
}

/** A market of pairs. */
export function pairs(count: number, isPaid = false): Market {
  return { isPaid, producers: count, subscriptions: Array.from({ length: count }, (_, at) => [at]) };
}
