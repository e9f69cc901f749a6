import { lockAccounts } from '@motience/database';
import { Refusal, type TopUp } from '@motience/protocol';
import type { Context } from '../context.ts';
import { addTopUp, type NewTopUp } from './add-top-up.ts';
import { payTopUp } from './pay-top-up.ts';
import { reopenSubscriptions } from './reopen-subscriptions.ts';
import { toTopUp } from './top-up-row.ts';

/**
 * Credits a consumer's wallet by an admin's hand, once per key; what was stopped for want of money goes on. Refuses with
 * `not-found` if there is no such consumer, `conflict` if the key stands for something else.
 */
export async function creditWallet(
  services: Pick<Context, 'database' | 'usageLog' | 'logger'>,
  wanted: Omit<NewTopUp, 'provider'>,
): Promise<TopUp> {
  const { accountId } = wanted;
  const topUp = await services.database.db.transaction(async (tx) => {
    const [account] = await lockAccounts(tx, [accountId]);
    if (account?.role !== 'consumer') throw new Refusal('not-found', `there is no consumer ${accountId}`);
    const row = await addTopUp(tx, { ...wanted, provider: 'admin' });
    return row.status === 'pending' ? payTopUp(tx, row) : row;
  });
  await reopenSubscriptions(services, accountId);
  return toTopUp(topUp);
}
