import type { Database } from '@motience/database';

const rowsPerStatement = 10_000;

/** Deletes readings older than `ageMs`, in small steps that hold no lock for long. Returns how many. */
export async function deleteOldReadings(
  sql: Database['sql'],
  ageMs: number,
  isStopped: () => boolean,
): Promise<number> {
  // As text: the driver that drizzle has configured takes no dates.
  const before = new Date(Date.now() - ageMs).toISOString();
  let total = 0;
  for (;;) {
    const { count } = await sql`
      delete from readings where ctid = any(array(
        select ctid from readings where received_at < ${before}::timestamptz limit ${rowsPerStatement}))`;
    total += count;
    if (count < rowsPerStatement || isStopped()) return total;
  }
}
