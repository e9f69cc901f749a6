import type { Database } from '@motience/database';
import { type SQL, sql } from 'drizzle-orm';

export interface BooksReport {
  readonly accounts: bigint;
  readonly transactions: bigint;
  readonly entries: bigint;
  /** The first thing that is not as it has to be, in words; undefined if the books are in order. */
  readonly mismatch: string | undefined;
}

/** Each finds the first row that breaks a rule, and says so as `mismatch`. None trusts what the database enforces. */
const rules: readonly SQL[] = [
  sql`select format('transaction %s (%s) adds up to %s %s, not to 0', t.id, t.key, sum(e.amount), a.currency) as mismatch
      from ledger_transactions t
      join ledger_entries e on e.transaction_id = t.id
      join ledger_accounts a on a.id = e.account_id
      group by t.id, a.currency having sum(e.amount) <> 0 order by t.id limit 1`,
  sql`select format('transaction %s (%s) has no entries', t.id, t.key) as mismatch
      from ledger_transactions t
      where not exists (select from ledger_entries e where e.transaction_id = t.id) order by t.id limit 1`,
  sql`select format('an entry of %s belongs to transaction %s and account %s, which are not both there',
             e.amount, e.transaction_id, e.account_id) as mismatch
      from ledger_entries e
      left join ledger_transactions t on t.id = e.transaction_id
      left join ledger_accounts a on a.id = e.account_id
      where t.id is null or a.id is null order by e.transaction_id, e.account_id limit 1`,
  sql`select format('account %s has the balance %s, but its entries add up to %s',
             a.code, a.balance, coalesce(s.amount, 0)) as mismatch
      from ledger_accounts a
      left join (select account_id, sum(amount) as amount from ledger_entries group by account_id) s on s.account_id = a.id
      where a.balance <> coalesce(s.amount, 0) order by a.id limit 1`,
  sql`select format('account %s has the balance %s, which is below 0', a.code, a.balance) as mismatch
      from ledger_accounts a where a.kind in ('wallet', 'hold') and a.balance < 0 order by a.id limit 1`,
  sql`select format('account %s has the balance %s, though it is only what is owed, so at most 0', a.code, a.balance)
        as mismatch
      from ledger_accounts a where a.kind = 'refunds' and a.balance > 0 order by a.id limit 1`,
  sql`select format('transaction %s (%s) does not take back exactly transaction %s', r.id, r.key, r.reverses) as mismatch
      from ledger_transactions r
      where r.reverses is not null and exists (
        select from (select account_id, amount from ledger_entries where transaction_id = r.id) mine
        full join (select account_id, amount from ledger_entries where transaction_id = r.reverses) theirs using (account_id)
        where mine.amount is distinct from -theirs.amount)
      order by r.id limit 1`,
  sql`select format('transaction %s was reversed more than once', r.reverses) as mismatch
      from ledger_transactions r where r.reverses is not null
      group by r.reverses having count(*) > 1 order by r.reverses limit 1`,
  sql`select format('transaction %s (%s) is %s as a movement of %s', t.id, t.key,
             case when m.account_id is null then 'not noted' else 'noted' end, a.code) as mismatch
      from ledger_transactions t
      join ledger_entries e on e.transaction_id = t.id
      join ledger_accounts a on a.id = e.account_id
      left join ledger_movements m on m.account_id = e.account_id and m.transaction_id = e.transaction_id
      where (m.account_id is not null) <> (t.kind not in ('capture', 'hold', 'release') and a.owner_id is not null)
      order by t.id limit 1`,
];

/**
 * Recomputes the whole ledger from its entries, as of one instant, while others go on posting: every transaction adds up to
 * zero in each currency, every balance is what its entries add up to, no wallet or hold is below zero, nothing is
 * paid back that was not owed, reversals are exact, and movements are noted. Reads all entries.
 */
export function checkBooks(db: Pick<Database['db'], 'transaction'>): Promise<BooksReport> {
  return db.transaction(
    async (tx) => {
      let mismatch: string | undefined;
      for (const rule of rules) {
        const [row] = await tx.execute<{ mismatch: string }>(rule);
        mismatch ??= row?.mismatch;
        if (mismatch !== undefined) break;
      }
      const [count] = await tx.execute<{ accounts: string; transactions: string; entries: string }>(sql`
        select (select count(*) from ledger_accounts)::text as accounts,
               (select count(*) from ledger_transactions)::text as transactions,
               (select count(*) from ledger_entries)::text as entries`);
      return {
        accounts: BigInt(count?.accounts ?? 0),
        transactions: BigInt(count?.transactions ?? 0),
        entries: BigInt(count?.entries ?? 0),
        mismatch,
      };
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}
