import { asc, inArray } from 'drizzle-orm';
import type { Queryable } from './client.ts';
import { users } from './schema.ts';

/**
 * Until the transaction ends, no other one changes what belongs to these accounts: their plans and subscriptions, debts,
 * limits, or payments that are begun. Comes before anything that these do waits for. Gives those that exist.
 */
export function lockAccounts(tx: Queryable, ids: readonly bigint[]): Promise<{ id: bigint; role: string }[]> {
  return (
    tx
      .select({ id: users.id, role: users.role })
      .from(users)
      .where(inArray(users.id, [...ids]))
      // In one order, so that two who lock several do not wait for each other in a circle.
      .orderBy(asc(users.id))
      // Leaves logins of the same accounts, which refer to their rows, undisturbed.
      .for('no key update')
  );
}
