import type { PlatformUnderTest, RunningTarget } from '../targets/target.ts';
import { measureLoad, times } from './measure-load.ts';
import { type Scenario, window } from './scenario.ts';

/** Spread over shards. */
const producers = 8;

export const persistence: Scenario = {
  name: 'persistence',
  title: 'Rows into PostgreSQL',
  about: `${producers} producers send as fast as a window of ${window.toLocaleString('en')} readings allows, nobody receives. Counted is what the stream manager has stored in PostgreSQL, while load is on, and how long the rest took afterwards.`,
  figures: [
    { key: 'rows', title: 'rows/s under load', unit: 'rows/s', better: 'more', decimals: 0 },
    { key: 'overall', title: 'rows/s until the last', unit: 'rows/s', better: 'more', decimals: 0 },
    { key: 'accepted', title: 'acknowledged/s', unit: 'readings/s', better: 'more', decimals: 0 },
    { key: 'behind', title: 'last row after load ended', unit: 's', better: 'less', decimals: 1 },
  ],
  targets: ['motience', 'motience-everysec'],
  market: () => ({ producers, subscriptions: [] }),
  async measure(target, options) {
    const platform = platformOf(target);
    const rowsBefore = await platform.countRows();
    const startedAt = performance.now();
    const looks: Promise<{ at: number; rows: number }>[] = [];
    const look = async () => ({ rows: await platform.persisted(), at: performance.now() });
    const duration = options.quick ? times(true) : { warmUpMs: 5_000, measureMs: 20_000 };
    const { result, cores } = await measureLoad(
      { kind: 'stream', ...target.sockets, deliveriesPerReading: 0, window, ...duration },
      options,
      { onMark: () => void looks.push(look()) },
    );
    const endedAt = performance.now();
    await target.settle();
    const settledAt = performance.now();
    const [begin, end] = await Promise.all(looks);
    if (!begin || !end) throw new Error('the load told no measured time');
    const rows = (await platform.countRows()) - rowsBefore;
    return {
      values: {
        rows: (end.rows - begin.rows) / ((end.at - begin.at) / 1_000),
        overall: rows / ((settledAt - startedAt) / 1_000),
        accepted: result.settledPerSecond,
        behind: (settledAt - endedAt) / 1_000,
      },
      lost: result.sent - rows,
      troubles: result.troubles,
      cores,
    };
  },
};

/** What only our own platform can tell. */
export function platformOf({ platform, name }: RunningTarget): PlatformUnderTest {
  if (!platform) throw new Error(`${name} is not the platform`);
  return platform;
}
