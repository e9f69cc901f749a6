import { type CreditChange, type DeliveredSpan, type UsageEntry, UsageLog } from '@motience/stream-log';
import type { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { uniteSpans } from './unite-spans.ts';

/**
 * Gives credit as billing does, as far as a gateway notices: looks at it first, sets it, and takes what was reported off
 * the log when it is asked for.
 */
export class CreditOffice {
  readonly log: UsageLog;
  private readonly settled: UsageEntry[] = [];
  /** A change counts once under a fence. */
  private fence = 1;

  constructor(corner: StreamCorner) {
    this.log = new UsageLog(corner.redis, corner.keys);
  }

  /** Adds units to a subscription's credit, or changes it otherwise. */
  async give(subscriptionId: string, change: Partial<CreditChange>): Promise<void> {
    this.fence += 1;
    await this.log.inspect(this.fence, [subscriptionId]);
    const all: CreditChange = { subscriptionId, unit: 'readings', units: 0, state: 'open', warning: 0, ...change };
    await this.log.settle(this.fence, [], [all]);
  }

  /** What was reported of a subscription so far, each reading once. */
  async delivered(subscriptionId: string): Promise<DeliveredSpan[]> {
    return uniteSpans((await this.reports(subscriptionId)).flatMap(({ spans }) => spans));
  }

  /** Readings that were delivered to a subscription, as `from-to`. */
  async ranges(subscriptionId: string): Promise<string[]> {
    return (await this.delivered(subscriptionId)).map(({ from, to }) => `${from}-${to}`);
  }

  /** Units that were reported to be used up. */
  async spent(subscriptionId: string): Promise<number> {
    return (await this.reports(subscriptionId)).reduce((sum, { spent }) => sum + spent, 0);
  }

  async credit(subscriptionId: string) {
    const [credit] = await this.log.inspect(1, [subscriptionId]);
    if (!credit) throw new Error('expected a credit');
    return credit;
  }

  private async reports(subscriptionId: string) {
    const entries = await this.log.read(1_000);
    await this.log.settle(
      1,
      entries.map(({ id }) => id),
      [],
    );
    this.settled.push(...entries);
    return this.settled.flatMap(({ reports }) => reports).filter((report) => report.subscriptionId === subscriptionId);
  }
}
