import type { Queryable } from '@motience/database';
import { recordRightChange } from '@motience/rights';
import type { Right } from '@motience/stream-log';
import type { Context } from '../context.ts';

/** How many rights are projected at once, when one change touches many; each takes a connection to PostgreSQL. */
const projectedAtOnce = 3;

/**
 * Runs `work` in a transaction, in which it tells each right it changes. After the commit those reach Redis, so that
 * gateways have been told by the time this returns; while Redis is away, they are told later.
 */
export async function changeRights<T>(
  { database, projector }: Context,
  work: (tx: Queryable, changed: (right: Right) => Promise<void>) => Promise<T>,
): Promise<T> {
  const rights: Right[] = [];
  const result = await database.db.transaction((tx) =>
    work(tx, async (right) => {
      await recordRightChange(tx, right);
      rights.push(right);
    }),
  );
  const pending = rights.values();
  const projectNext = async () => {
    for (const right of pending) await projector.project(right);
  };
  await Promise.all(Array.from({ length: Math.min(projectedAtOnce, rights.length) }, projectNext));
  return result;
}
