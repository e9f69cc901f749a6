import type { Database } from '@motience/database';

/** How often it is noted that a stream manager is at work, and from when on it was not. */
export const noteLifeMs = 20_000;
const downAfterSeconds = 60;

/**
 * Notes that the platform is at work now, by PostgreSQL's clock; and, if nobody had noted that for a minute, that it was not since.
 * Any number of stream managers may: each time in between is noted once.
 */
export async function noteLife(sql: Database['sql']): Promise<void> {
  await sql`
    with now as (select clock_timestamp() as at),
    before as (select last_seen_at from platform_life for update),
    noted as (
      insert into platform_life as life (id, last_seen_at) select 1, at from now
      on conflict (id) do update set last_seen_at = greatest(life.last_seen_at, excluded.last_seen_at)
    )
    insert into platform_downtimes (from_at, until_at)
    select last_seen_at, at from before, now where at - last_seen_at > make_interval(secs => ${downAfterSeconds})
    on conflict (from_at) do nothing`;
}
