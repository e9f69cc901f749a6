import { mosquitto, nats, nchan } from './brokers.ts';
import { motience, motienceEverysec, motienceTwoGateways, motienceTwoManagers } from './motience.ts';
import { bareRelay, plainWs, socketIo, uwsAlone } from './peers.ts';
import type { Target } from './target.ts';

/** In the order in which each round goes through them. */
export const targets: readonly Target[] = [
  motience,
  bareRelay,
  motienceEverysec,
  plainWs,
  socketIo,
  nats,
  nchan,
  mosquitto,
  uwsAlone,
  motienceTwoGateways,
  motienceTwoManagers,
];

/** The one that others are compared with. */
export const yardstick = bareRelay;
