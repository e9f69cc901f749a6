import { type Database, lockAccounts, topUps } from '@motience/database';
import { reverse } from '@motience/ledger';
import { Refusal, type TopUp } from '@motience/protocol';
import { and, eq } from 'drizzle-orm';
import { toTopUp } from './top-up-row.ts';

/**
 * Takes back, once, what an admin credited by mistake: all of it, from the wallet and the debt it went to. Refuses with
 * `payment-required` if the wallet no longer has it, `not-found` if there is no such credit.
 */
export async function reverseCredit({ db }: Pick<Database, 'db'>, id: bigint): Promise<TopUp> {
  return db.transaction(async (tx) => {
    const isIt = and(eq(topUps.id, id), eq(topUps.provider, 'admin'));
    const [found] = await tx.select({ accountId: topUps.accountId }).from(topUps).where(isIt);
    if (found) await lockAccounts(tx, [found.accountId]);
    const [row] = await tx.select().from(topUps).where(isIt).for('update');
    if (row?.status === 'reversed') return toTopUp(row);
    if (row?.status !== 'paid' || row.transactionId === null) {
      throw new Refusal('not-found', `no top-up ${id} was credited by hand`);
    }
    await reverse(tx, { key: `top-up:${id}:reversed`, transactionId: row.transactionId });
    const [reversed] = await tx.update(topUps).set({ status: 'reversed' }).where(isIt).returning();
    return toTopUp(reversed ?? row);
  });
}
