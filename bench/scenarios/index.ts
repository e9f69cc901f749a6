import { free, manyToMany, metered, oneToThousand, steady } from './latency.ts';
import { manyProducers } from './many-producers.ts';
import { persistence } from './persistence.ts';
import { resume } from './resume.ts';
import type { Scenario } from './scenario.ts';
import { idleMemory, newSockets } from './sockets.ts';
import { moreProcesses, oneToHundred, oneToOne } from './throughput.ts';
import { waysToReceive } from './ways-to-receive.ts';

/** In the order they are measured and shown. */
export const scenarios: readonly Scenario[] = [
  oneToOne,
  oneToHundred,
  oneToThousand,
  steady,
  manyToMany,
  persistence,
  idleMemory,
  newSockets,
  manyProducers,
  resume,
  free,
  metered,
  waysToReceive,
  moreProcesses,
];
