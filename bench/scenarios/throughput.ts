import { busyCores, measureLoad, times } from './measure-load.ts';
import { oneProducer, pairs, type Scenario, window } from './scenario.ts';

export const oneToOne = throughput({
  name: 'one-to-one',
  title: '1 → 1, as fast as it goes',
  consumers: 1,
  unit: 'readings/s',
});
export const oneToHundred = throughput({
  name: 'one-to-hundred',
  title: '1 → 100, as fast as it goes',
  consumers: 100,
  unit: 'deliveries/s',
});

const pairCount = 8;
export const moreProcesses: Scenario = {
  ...oneToOne,
  name: 'more-processes',
  title: 'One and two of each process',
  about: `${pairCount} producers with a consumer each, on as many shards, send as fast as a window of ${window.toLocaleString('en')} readings allows. CPU is the time that everything but load takes for each. Where all cores are busy anyway a further process can only spread the work.`,
  targets: ['motience', 'motience-two-gateways', 'motience-two-managers'],
  market: () => pairs(pairCount),
};

function throughput({
  consumers,
  unit,
  ...names
}: Pick<Scenario, 'name' | 'title'> & { consumers: number; unit: string }): Scenario {
  return {
    ...names,
    about: `One producer sends as fast as a window of ${window.toLocaleString('en')} readings allows: sent, but not delivered to ${
      consumers === 1 ? 'the consumer' : `all ${consumers} consumers`
    } and, where there are acknowledgements, acknowledged. CPU is the time that everything but load takes for each: where others share the machine it moves less than the rate.`,
    figures: [
      { key: 'rate', title: unit, unit, better: 'more', decimals: 0 },
      { key: 'cpu', title: 'CPU', unit: 'µs', better: 'less', decimals: 2 },
    ],
    market: () => oneProducer(consumers),
    async measure(target, options) {
      const { result, cores } = await measureLoad(
        { kind: 'stream', ...target.sockets, deliveriesPerReading: consumers, window, ...times(options.quick) },
        options,
      );
      const { deliveredPerSecond, settledPerSecond, lost, troubles } = result;
      const rate = consumers === 1 ? Math.min(deliveredPerSecond, settledPerSecond) : deliveredPerSecond;
      return { values: { rate, cpu: (busyCores(cores) / rate) * 1e6 }, lost, troubles, cores };
    },
  };
}
