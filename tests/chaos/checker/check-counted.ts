/** Readings of a consumer that billing has counted: an interval of an epoch. */
export interface CountedSpan {
  epoch: string;
  from: number;
  to: number;
}

/** A reading that one of a consumer's sockets received. */
export interface Arrival {
  epoch: string;
  seq: number;
  /** Whether its gateway was killed before it may have come to report it. */
  mayBeUnreported: boolean;
}

/** What was counted of one stream for one consumer, against what its sockets received. */
export interface Counted {
  /** Readings, each once, on however many sockets. */
  received: number;
  counted: number;
  countedTwice: number;
  /** Counted, and never received. */
  neverReceived: number;
  /** Received and not counted, where a killed gateway is the excuse; and how many it may be at most. */
  lostWithGateway: number;
  mayBeLost: number;
  /** Received and not counted, without an excuse. */
  uncounted: number;
  /** The first of them. */
  examples: string[];
}

const mostExamples = 5;

export const nothingCounted: Readonly<Counted> = {
  received: 0,
  counted: 0,
  countedTwice: 0,
  neverReceived: 0,
  lostWithGateway: 0,
  mayBeLost: 0,
  uncounted: 0,
  examples: [],
};

/** Compares what was received with what was counted: each reading that was received has to be counted once, and no other. */
export function checkCounted(arrivals: Iterable<Arrival>, spans: readonly CountedSpan[]): Counted {
  /** Of each epoch, by seq: whether every arrival of it may be unreported. */
  const received = new Map<string, Map<number, boolean>>();
  for (const { epoch, seq, mayBeUnreported } of arrivals) {
    const ofEpoch = received.get(epoch) ?? new Map<number, boolean>();
    received.set(epoch, ofEpoch.set(seq, mayBeUnreported && (ofEpoch.get(seq) ?? true)));
  }
  const result: Counted = { ...nothingCounted, examples: [] };
  for (const ofEpoch of received.values()) {
    result.received += ofEpoch.size;
    for (const mayBeUnreported of ofEpoch.values()) if (mayBeUnreported) result.mayBeLost += 1;
  }
  const highest = new Map<string, number>();
  for (const { epoch, from, to } of spans.toSorted((one, other) => one.from - other.from)) {
    const before = highest.get(epoch) ?? 0;
    result.countedTwice += Math.max(0, Math.min(before, to) - from + 1);
    highest.set(epoch, Math.max(before, to));
    const ofEpoch = received.get(epoch);
    for (let seq = Math.max(from, before + 1); seq <= to; seq += 1) {
      result.counted += 1;
      if (!ofEpoch?.delete(seq)) result.neverReceived += 1;
    }
  }
  for (const [epoch, ofEpoch] of received) {
    const uncounted = [...ofEpoch].flatMap(([seq, mayBeUnreported]) => (mayBeUnreported ? [] : [seq]));
    result.uncounted += uncounted.length;
    result.lostWithGateway += ofEpoch.size - uncounted.length;
    result.examples.push(...intervalsOf(uncounted).map((interval) => `${epoch}:${interval}`));
  }
  return { ...result, examples: result.examples.slice(0, mostExamples) };
}

function intervalsOf(seqs: readonly number[]): string[] {
  const sorted = seqs.toSorted((one, other) => one - other);
  const starts = sorted.filter((seq, at) => sorted[at - 1] !== seq - 1);
  const ends = sorted.filter((seq, at) => sorted[at + 1] !== seq + 1);
  return starts.map((start, at) => `${start}-${ends[at]}`);
}

export function addCounted(counts: readonly Counted[]): Counted {
  const sum: Counted = { ...nothingCounted };
  for (const count of counts) {
    sum.received += count.received;
    sum.counted += count.counted;
    sum.countedTwice += count.countedTwice;
    sum.neverReceived += count.neverReceived;
    sum.lostWithGateway += count.lostWithGateway;
    sum.mayBeLost += count.mayBeLost;
    sum.uncounted += count.uncounted;
    sum.examples = [...sum.examples, ...count.examples].slice(0, mostExamples);
  }
  return sum;
}
