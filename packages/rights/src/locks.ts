import type { Queryable } from '@motience/database';
import type { Right } from '@motience/stream-log';
import { sql } from 'drizzle-orm';

/** Any two numbers of our own, apart from the migration's. */
const everyRight = 7_305_116_205n;
const rebuilding = 7_305_116_206n;

/**
 * Until the transaction ends, nobody else moves this right to Redis. What is read after it is therefore at least as
 * new as anything projected before. Fails after 2 s of waiting.
 */
export async function lockRight(tx: Queryable, right: Right): Promise<void> {
  const name = `${right.kind}:${right.accountId}:${right.item}`;
  await tx.execute(sql`
    select set_config('lock_timeout', '2s', true),
           pg_advisory_xact_lock_shared(${everyRight}::bigint),
           pg_advisory_xact_lock(hashtextextended(${name}, ${everyRight}::bigint))`);
}

/** Until the transaction ends, nobody else moves any right to Redis. Hold it for milliseconds only. */
export async function lockEveryRight(tx: Queryable): Promise<void> {
  await tx.execute(sql`
    select set_config('lock_timeout', '10s', true), pg_advisory_xact_lock(${everyRight}::bigint)`);
}

/** Whether this process is the one that rebuilds, until the transaction ends. */
export async function tryLockRebuild(tx: Queryable): Promise<boolean> {
  const [row] = await tx.execute<{ locked: boolean }>(
    sql`select pg_try_advisory_xact_lock(${rebuilding}::bigint) as locked`,
  );
  return row?.locked === true;
}
