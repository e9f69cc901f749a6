import type { Market } from '../targets/target.ts';
import { behind, measureLoad, times } from './measure-load.ts';
import { oneProducer, pairs, type Scenario, window } from './scenario.ts';

interface AtRate {
  name: string;
  title: string;
  about: string;
  perSecond: number;
  deliveriesPerReading: number;
  market(quick: boolean): Market;
  targets?: readonly string[];
}

export const oneToThousand = latencyAt({
  name: 'one-to-thousand',
  title: '1 → 1,000 at 1,000 readings/s',
  about: 'One producer, a thousand consumers: a million deliveries a second are due.',
  perSecond: 1_000,
  deliveriesPerReading: 1_000,
  market: () => oneProducer(1_000),
});
export const steady = latencyAt({
  name: 'steady',
  title: '1 → 1 at 20,000 readings/s',
  about: 'One producer, one consumer.',
  perSecond: 20_000,
  deliveriesPerReading: 1,
  market: () => oneProducer(1),
});

/** Twenty thousand readings a second to a hundred subscriptions; the busy cores say what metering them costs. */
const hundred = {
  perSecond: 20_000,
  deliveriesPerReading: 1,
  targets: ['motience'],
};
export const free = latencyAt({
  ...hundred,
  name: 'free',
  title: '100 × 200 readings/s, free',
  about: 'A hundred producers with a consumer each, none of whom pays.',
  market: () => pairs(100),
});
export const metered = latencyAt({
  ...hundred,
  name: 'metered',
  title: '100 × 200 readings/s, metered',
  about: 'The same, where each consumer pays per 1,000 readings from a wallet: delivered, metered, held, charged.',
  market: () => pairs(100, true),
});

const people = 1_000;
const streamsEach = 10;

export const manyToMany = latencyAt({
  name: 'many-to-many',
  title: '1,000 producers × 10/s → 1,000 consumers × 10 streams',
  about: '10,000 readings a second in, 100,000 deliveries a second out.',
  perSecond: 10 * people,
  // A socket of Nchan has one stream.
  targets: ['motience', 'bare-relay', 'motience-everysec', 'plain-ws', 'socket-io', 'nats', 'mosquitto', 'ceiling'],
  deliveriesPerReading: streamsEach,
  market: () => ({
    producers: people,
    subscriptions: Array.from({ length: people }, (_, consumer) =>
      Array.from({ length: streamsEach }, (_, stream) => (consumer * streamsEach + stream) % people),
    ),
  }),
});

/** Readings at a fixed rate, and how long each takes. */
function latencyAt({ about, perSecond, deliveriesPerReading, ...others }: AtRate): Scenario {
  return {
    ...others,
    about: `${about} From the writing of a reading to its reading at the consumer.`,
    figures: [
      { key: 'p99', title: 'p99', unit: 'ms', better: 'less', decimals: 2 },
      { key: 'p50', title: 'p50', unit: 'ms', better: 'less', decimals: 2 },
      { key: 'rate', title: 'deliveries/s', unit: 'deliveries/s', better: 'more', decimals: 0 },
    ],
    async measure(target, options) {
      const { result, cores } = await measureLoad(
        { kind: 'stream', ...target.sockets, deliveriesPerReading, window, perSecond, ...times(options.quick) },
        options,
      );
      const { latency, deliveredPerSecond, lost, troubles } = result;
      return {
        values: { ...(latency.count > 0 && { p50: latency.p50, p99: latency.p99 }), rate: deliveredPerSecond },
        lost,
        troubles,
        notes: behind(deliveredPerSecond, perSecond * deliveriesPerReading),
        cores,
      };
    },
  };
}
