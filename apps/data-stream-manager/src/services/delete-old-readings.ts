import type { Database } from '@motience/database';

const rowsPerStatement = 10_000;

/** Deletes readings older than `ageMs`, in small steps that hold no lock for long. Returns how many. */
export async function deleteOldReadings(
  sql: Database['sql'],
  ageMs: number,
  isStopped: () => boolean,
): Promise<number> {
  const before = new Date(Date.now() - ageMs);
  let total = 0;
  for (;;) {
    const { count } = await sql`
      delete from readings where ctid = any(array(
        select ctid from readings where received_at < ${before} limit ${rowsPerStatement}))`;
    total += count;
    if (count < rowsPerStatement || isStopped()) return total;
  }
}
