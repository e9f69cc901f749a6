import type { Database } from '../../packages/database/dist/index.js';

/** How many rows of these tables were read so far, by this connection and by those that have told so. */
export async function rowsRead({ sql }: Pick<Database, 'sql'>, ...tables: string[]): Promise<number> {
  await sql`select pg_stat_force_next_flush()`;
  const [row] = await sql`
    select sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::int as read from pg_stat_user_tables
    where relname in ${sql(tables)}`;
  return Number(row?.read);
}
