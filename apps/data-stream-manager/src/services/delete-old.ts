import type { Database } from '@motience/database';

const rowsPerStatement = 10_000;

/** By which time what stands in a table grows old. */
const timeColumns = {
  readings: 'received_at',
  stream_minutes: 'minute',
  stream_devices: 'last_received_at',
  platform_downtimes: 'until_at',
} as const;

/** Deletes the rows of a table older than `ageMs`, in small steps that hold no lock for long. Returns how many. */
export async function deleteOld(
  sql: Database['sql'],
  table: keyof typeof timeColumns,
  ageMs: number,
  isStopped: () => boolean,
): Promise<number> {
  // As text: the driver that drizzle has configured takes no dates.
  const before = new Date(Date.now() - ageMs).toISOString();
  let total = 0;
  for (;;) {
    const { count } = await sql`
      delete from ${sql(table)} where ctid = any(array(
        select ctid from ${sql(table)} where ${sql(timeColumns[table])} < ${before}::timestamptz
        limit ${rowsPerStatement}))`;
    total += count;
    if (count < rowsPerStatement || isStopped()) return total;
  }
}
