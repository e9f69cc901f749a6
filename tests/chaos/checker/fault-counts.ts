/** What may go wrong on the way of a reading. Any that is not 0 breaks a promise of the platform. */
export interface FaultCounts {
  /** Acknowledged readings that are missing before the first one of their device. */
  lostPrefix: number;
  lostMiddle: number;
  lostTail: number;
  repeated: number;
  /** Readings that came after a later one of their device. */
  reordered: number;
  /** Numbers of a stream that were skipped without a word. */
  undeclaredGaps: number;
  /** Readings whose bytes are not those that PostgreSQL has at their place. */
  different: number;
  /** Delivered readings that PostgreSQL does not have at their place. */
  unstored: number;
  /** Readings that nobody sent. */
  invented: number;
  /** Readings of an epoch that was not announced, or with a number at or below the position. */
  misplaced: number;
}

export const noFaults: Readonly<FaultCounts> = {
  lostPrefix: 0,
  lostMiddle: 0,
  lostTail: 0,
  repeated: 0,
  reordered: 0,
  undeclaredGaps: 0,
  different: 0,
  unstored: 0,
  invented: 0,
  misplaced: 0,
};

const names = Object.keys(noFaults) as (keyof FaultCounts)[];

export function addFaults(counts: readonly FaultCounts[]): FaultCounts {
  const sum = { ...noFaults };
  for (const count of counts) for (const name of names) sum[name] += count[name];
  return sum;
}
