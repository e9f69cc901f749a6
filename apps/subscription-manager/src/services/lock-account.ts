import { type Queryable, users } from '@motience/database';
import { Refusal } from '@motience/protocol';
import { eq } from 'drizzle-orm';

/**
 * Until the transaction ends, nobody else changes the subscriptions of this consumer, or the plans of this producer.
 * `unauthenticated` if the account does not exist any more.
 */
export async function lockAccount(tx: Queryable, accountId: string): Promise<void> {
  const found = await tx
    .select({ id: users.id })
    .from(users)
    .where(eq(users.id, BigInt(accountId)))
    // Leaves logins of the same account, which refer to its row, undisturbed.
    .for('no key update');
  if (found.length === 0) throw new Refusal('unauthenticated', 'this account does not exist any more');
}
