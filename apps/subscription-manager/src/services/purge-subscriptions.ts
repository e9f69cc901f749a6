import type { Database } from '@motience/database';

/** Looked at each time, whatever becomes of them. */
const rowsAtOnce = 5_000;

/**
 * Deletes subscriptions that ended longer ago than readings are kept and that nothing was ever metered, charged or limited on: no bill
 * needs them, and nothing is resumed by them any more. Each call looks at the next 5,000, and begins again after the last.
 */
export function createSubscriptionPurge({ sql }: Pick<Database, 'sql'>, historyAgeMs: number) {
  let after = '0';
  return async (): Promise<void> => {
    const [looked] = await sql<{ last: string | null; count: number }[]>`
      with page as (select id from subscriptions where id > ${after} order by id limit ${rowsAtOnce})
      select max(id)::text as last, count(*)::int as count from page`;
    const last = looked?.last ?? undefined;
    if (last !== undefined) {
      await sql`
        delete from subscriptions s where id > ${after} and id <= ${last}
          and ended_at < now() - ${historyAgeMs} * interval '1 millisecond'
          and not exists (select from subscription_meters where subscription_id = s.id)
          and not exists (select from delivered_intervals where subscription_id = s.id)
          and not exists (select from delivered_sums where subscription_id = s.id)
          and not exists (select from delivered_time where subscription_id = s.id)
          and not exists (select from subscription_days where subscription_id = s.id)
          and not exists (select from subscription_closings where subscription_id = s.id)
          and not exists (select from spending_limits where subscription_id = s.id)
          and not exists (select from ledger_transactions where subscription_id = s.id)`;
    }
    after = looked && looked.count === rowsAtOnce && last !== undefined ? last : '0';
  };
}
