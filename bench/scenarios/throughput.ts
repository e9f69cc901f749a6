import { measureLoad, times } from './measure-load.ts';
import { oneProducer, type Scenario, window } from './scenario.ts';

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

function throughput({
  consumers,
  unit,
  ...names
}: Pick<Scenario, 'name' | 'title'> & { consumers: number; unit: string }): Scenario {
  return {
    ...names,
    about: `One producer sends as fast as a window of ${window.toLocaleString('en')} readings allows: sent, but not delivered to ${
      consumers === 1 ? 'the consumer' : `all ${consumers} consumers`
    } and, where there are acknowledgements, acknowledged.`,
    figures: [{ key: 'rate', title: unit, unit, better: 'more', decimals: 0 }],
    market: () => oneProducer(consumers),
    async measure(target, options) {
      const { result, cores } = await measureLoad(
        { kind: 'stream', ...target.sockets, deliveriesPerReading: consumers, window, ...times(options.quick) },
        options,
      );
      const { deliveredPerSecond, settledPerSecond, lost, troubles } = result;
      const rate = consumers === 1 ? Math.min(deliveredPerSecond, settledPerSecond) : deliveredPerSecond;
      return { values: { rate }, lost, troubles, cores };
    },
  };
}
