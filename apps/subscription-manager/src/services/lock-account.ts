import { lockAccounts, type Queryable } from '@motience/database';
import { Refusal } from '@motience/protocol';

/**
 * Until the transaction ends, nobody else changes the subscriptions of this consumer, or the plans of this producer.
 * `unauthenticated` if the account does not exist any more.
 */
export async function lockAccount(tx: Queryable, accountId: string): Promise<void> {
  const found = await lockAccounts(tx, [BigInt(accountId)]);
  if (found.length === 0) throw new Refusal('unauthenticated', 'this account does not exist any more');
}
