import { Random } from './random.ts';

/** What a run can break. */
export interface Targets {
  /** Processes that can be killed and frozen, engines included. */
  processes: readonly string[];
  /** Connections that pass through a proxy. */
  links: readonly string[];
  /** Those that can end all their connections themselves. */
  servers: readonly string[];
  /** Consumers that can stop reading for a while. */
  readers: readonly string[];
}

export const faultKinds = ['kill', 'freeze', 'cut', 'delay', 'half-open', 'slow-reader'] as const;
type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  /** Since the start of the run. */
  atMs: number;
  kind: FaultKind;
  target: string;
  /** How long it lasts; for `kill`, until the process is started again. A `cut` is over at once. */
  forMs: number;
  /** How much later bytes arrive, for `delay`. */
  delayMs: number;
  /** Which way nothing passes any more, for `half-open`: `up` is towards the server. */
  direction: 'up' | 'down' | 'both';
}

/**
 * The faults of a run, in order of time. The same for the same arguments. Each combination of kind and target comes up
 * before the whole round begins anew; about every third moment has two or three at once. `pauseMs` is the longest quiet time.
 */
export function makeSchedule(seed: number, durationMs: number, targets: Targets, pauseMs: number): Fault[] {
  const random = new Random(seed);
  const all = combinations(targets);
  if (all.length === 0) return [];
  const faults: Fault[] = [];
  let deck: typeof all = [];
  for (let atMs = random.int(0, pauseMs); atMs < durationMs; atMs += random.int(Math.floor(pauseMs / 4), pauseMs)) {
    const atOnce = random.oneIn(3) ? random.int(2, 3) : 1;
    for (let count = 0; count < atOnce; count += 1) {
      if (deck.length === 0) deck = random.shuffle(all);
      const drawn = deck.pop();
      if (drawn) faults.push({ atMs, ...drawn, ...details(random, drawn.kind) });
    }
  }
  return faults;
}

function combinations({ processes, links, servers, readers }: Targets): { kind: FaultKind; target: string }[] {
  const all = (kinds: readonly FaultKind[], targets: readonly string[]) =>
    kinds.flatMap((kind) => targets.map((target) => ({ kind, target })));
  const once = [...all(['kill', 'freeze'], processes), ...all(['slow-reader'], readers), ...all(['cut'], servers)];
  // There are many more links; processes come twice as often each.
  return [...once, ...once, ...all(['cut', 'delay', 'half-open'], links)];
}

/** Drawn in the same order for every kind, so that a change to one leaves the others of a seed as they are. */
function details(random: Random, kind: FaultKind): Pick<Fault, 'forMs' | 'delayMs' | 'direction'> {
  const shortMs = random.int(50, 1_500);
  const longMs = random.int(2_000, 8_000);
  const forMs = kind === 'cut' ? 0 : random.oneIn(2) ? shortMs : longMs;
  return { forMs, delayMs: random.int(5, 400), direction: random.pick(['up', 'down', 'both']) };
}
