import { deviceId } from '../load/reading.ts';
import { measureLoad, times } from './measure-load.ts';
import { platformOf } from './persistence.ts';
import { type Figure, oneProducer, type Scenario, window } from './scenario.ts';

const consumers = 20;
const perSecond = 2_000;

/** How a consumer may ask for its readings: in the query of its socket, or by the narrowing of its subscription. */
interface Way {
  key: string;
  title: string;
  query?: string;
  extension?: string;
  narrowing?: Record<string, unknown>;
}

const ways: readonly [Way, ...Way[]] = [
  { key: 'all', title: 'as they are' },
  { key: 'packed', title: 'packed', query: '?packed=true' },
  { key: 'compressed', title: 'compressed', query: '?compress=true', extension: 'permessage-deflate' },
  {
    key: 'both',
    title: 'packed and compressed',
    query: '?packed=true&compress=true',
    extension: 'permessage-deflate',
  },
  { key: 'device', title: 'the one device', narrowing: { device_id: deviceId } },
  { key: 'field', title: 'one field of three', narrowing: { fields: ['n'] } },
  { key: 'rate', title: 'one a second', narrowing: { max_rate: 1 } },
];

const cpuOf = ({ key, title }: Way): Figure => ({
  key: `${key}Cpu`,
  title: `${title}: CPU`,
  unit: 'µs/reading',
  better: 'less',
  decimals: 2,
});
const bytesOf = ({ key, title }: Way): Figure => ({
  key: `${key}Bytes`,
  title: `${title}: sent`,
  unit: 'bytes/reading',
  better: 'less',
  decimals: 0,
});
const [first, ...others] = ways;

export const waysToReceive: Scenario = {
  name: 'ways-to-receive',
  title: 'Packed, compressed, narrowed',
  about: `One producer sends ${perSecond.toLocaleString('en')} readings a second, and ${consumers} consumers receive them in one way after another. CPU time of the consumer gateway, and bytes on the wire, of each reading sent and each consumer. The pad in the readings, one and the same letter, is easy to compress.`,
  figures: [cpuOf(first), bytesOf(first), ...others.flatMap((way) => [cpuOf(way), bytesOf(way)])],
  targets: ['motience'],
  market: () => oneProducer(consumers),
  async measure(target, options) {
    const { sockets } = target;
    const [producer] = sockets.producers;
    const [producerId] = platformOf(target).producerIds;
    if (!producer || producerId === undefined) throw new Error('the market is too small');
    const values: Record<string, number> = {};
    const troubles: string[] = [];
    let cores = new Map<string, number>();
    for (const way of ways) {
      const listeners = sockets.consumers.map((consumer) => ({
        ...consumer,
        path: `${consumer.path}${way.query ?? ''}`,
        ...(way.extension !== undefined && { extension: way.extension }),
        ...(way.narrowing && {
          hello: [JSON.stringify({ type: 'subscribe', producer_id: producerId, ...way.narrowing })],
        }),
      }));
      const measured = await measureLoad(
        { kind: 'listen', producer, listeners, window, perSecond, ...times(options.quick) },
        options,
      );
      const { result } = measured;
      const received = result.sentPerSecond * consumers;
      values[cpuOf(way).key] = ((measured.cores.get('consumer-gateway') ?? 0) / received) * 1e6;
      values[bytesOf(way).key] = result.bytesPerSecond / received;
      troubles.push(...result.troubles.map((why) => `${way.title}: ${why}`));
      if (way === first) cores = measured.cores;
    }
    return { values, lost: 0, troubles, cores };
  },
};
