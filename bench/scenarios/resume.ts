import { measureLoad } from './measure-load.ts';
import { platformOf } from './persistence.ts';
import { oneProducer, type Scenario, window } from './scenario.ts';

const missed = 100_000;
const quickMissed = 5_000;
const perSecond = 10_000;

export const resume: Scenario = {
  name: 'resume',
  title: `Resume of ${missed.toLocaleString('en')} missed readings`,
  about: `A consumer comes back for ${missed.toLocaleString('en')} readings, most of which only PostgreSQL still has, while the stream goes on at ${perSecond.toLocaleString('en')}/s. Timed until all it missed has come; meanwhile another consumer goes on receiving live.`,
  figures: [
    { key: 'seconds', title: 'until all has come', unit: 's', better: 'less', decimals: 2 },
    { key: 'before', title: 'live p99 before', unit: 'ms', better: 'less', decimals: 2 },
    { key: 'meanwhile', title: 'live p99 meanwhile', unit: 'ms', better: 'less', decimals: 2 },
  ],
  targets: ['motience', 'motience-everysec'],
  market: () => oneProducer(2),
  async measure(target, options) {
    const { sockets } = target;
    const [producer] = sockets.producers;
    const [witness, returning] = sockets.consumers;
    const [producerId] = platformOf(target).producerIds;
    if (!producer || !witness || !returning || producerId === undefined) throw new Error('the market is too small');
    const { result, cores } = await measureLoad(
      {
        kind: 'resume',
        producer,
        witness,
        returning: { ...returning, path: `${returning.path}?mode=manual` },
        producerId,
        missed: options.quick ? quickMissed : missed,
        window,
        perSecond,
        measureMs: options.quick ? 500 : 5_000,
      },
      options,
      { onPause: () => target.settle() },
    );
    return {
      values: { seconds: result.seconds, before: result.before.p99, meanwhile: result.meanwhile.p99 },
      lost: result.lost,
      troubles: result.troubles,
      cores,
    };
  },
};
