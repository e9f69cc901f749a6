import type { RunningTarget } from '../targets/target.ts';
import { behind, busyCores, measureLoad, times } from './measure-load.ts';
import { type MeasureOptions, pairs, type Scenario, window } from './scenario.ts';

/** Twice as many sockets have to fit into the load process's files; 10,000 pairs would need more than many systems allow. */
const many = 9_500;
const few = 10;
const quickMany = 200;
const perSecond = 10_000;

export const manyProducers: Scenario = {
  name: 'many-producers',
  title: `${many.toLocaleString('en')} pairs and ${few} pairs at the same rate`,
  about: `${perSecond.toLocaleString('en')} readings a second, from ${few} producers to a consumer each and then from ${many.toLocaleString('en')} (with two sockets each, more would not fit into the files a process may open). Compared is the CPU time of everything but load.`,
  figures: [
    { key: 'ratio', title: 'CPU, many / few', unit: '×', better: 'less', decimals: 2 },
    { key: 'few', title: `CPU with ${few}`, unit: 'µs/reading', better: 'less', decimals: 1 },
    { key: 'many', title: 'CPU with many', unit: 'µs/reading', better: 'less', decimals: 1 },
    { key: 'p99', title: 'p99 with many', unit: 'ms', better: 'less', decimals: 2 },
  ],
  targets: ['motience', 'bare-relay'],
  market: (quick) => pairs(quick ? quickMany : many),
  async measure(target, options) {
    const withFew = await runPairs(target, few, options);
    await target.settle();
    const withMany = await runPairs(target, target.sockets.producers.length, options);
    return {
      values: {
        ratio: withMany.microsEach / withFew.microsEach,
        few: withFew.microsEach,
        many: withMany.microsEach,
        p99: withMany.result.latency.p99,
      },
      lost: withFew.result.lost + withMany.result.lost,
      troubles: [...withFew.result.troubles, ...withMany.result.troubles],
      notes: [...withFew.notes, ...withMany.notes],
      cores: withMany.cores,
    };
  },
};

async function runPairs({ sockets }: RunningTarget, count: number, options: MeasureOptions) {
  const { result, cores } = await measureLoad(
    {
      kind: 'stream',
      producers: sockets.producers.slice(0, count),
      consumers: sockets.consumers.slice(0, count),
      deliveriesPerReading: 1,
      window,
      perSecond,
      ...times(options.quick),
    },
    options,
  );
  return {
    result,
    cores,
    microsEach: (busyCores(cores) / result.deliveredPerSecond) * 1e6,
    notes: behind(result.deliveredPerSecond, perSecond),
  };
}
