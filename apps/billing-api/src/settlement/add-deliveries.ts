import type { Queryable } from '@motience/database';
import type { UsageEntry } from '@motience/stream-log';
import { dayOf } from './days.ts';
import { DeliveredTable } from './delivered-table.ts';
import type { Meter } from './meter.ts';

/** Charges what is new of the entries' reports; gives the units that were reported, by subscription. */
export async function addDeliveries(
  tx: Queryable,
  entries: readonly UsageEntry[],
  meters: readonly Meter[],
  timeOf: (entry: UsageEntry) => Date,
  now: Date,
): Promise<Map<string, bigint>> {
  const byId = new Map(meters.map((meter) => [meter.facts.subscriptionId, meter]));
  const told = entries.flatMap((entry) =>
    entry.reports.flatMap((report) => {
      const meter = byId.get(report.subscriptionId);
      return meter ? [{ meter, report, at: timeOf(entry) }] : [];
    }),
  );
  const units = new Map<string, bigint>();
  if (told.length === 0) return units;
  const table = await DeliveredTable.load(tx, told);
  for (const { meter, report, at } of told) {
    const { subscriptionId } = meter.facts;
    units.set(subscriptionId, (units.get(subscriptionId) ?? 0n) + BigInt(report.spent));
    const time = meter.timeOf(at, now);
    let readings = 0n;
    let bytes = 0n;
    for (const span of report.spans) {
      const added = table.add(meter, span, dayOf(time));
      readings += added.readings;
      bytes += added.bytes;
    }
    meter.addDelivery(time, { readings, bytes }, BigInt(report.spent));
  }
  await table.store(tx);
  return units;
}
