import type { Database } from '@motience/database';

const rowsAtOnce = 1_000;

/**
 * Deletes requests a month after they expired, and plans a day after they ended that nobody ever had, asked for or was to
 * get; 1,000 at a time, so that it never holds much.
 */
export async function purge({ sql }: Database, isStopped = () => false): Promise<void> {
  const deleteRequests = () => sql`
    delete from subscription_requests where id in (
      select id from subscription_requests where expires_at < now() - interval '30 days'
      order by expires_at limit ${rowsAtOnce} for update skip locked
    )`;
  const deletePlans = () => sql`
    delete from plans where id in (
      select id from plans where closed_at < now() - interval '1 day'
        and not exists (select from subscriptions where plan_id = plans.id)
        and not exists (select from subscription_requests where plan_id = plans.id)
        and not exists (select from plans former where former.producer_id = plans.producer_id and former.succeeded_by = plans.id)
      limit ${rowsAtOnce} for update skip locked
    )`;
  for (const deleteSome of [deleteRequests, deletePlans]) {
    while (!isStopped() && (await deleteSome()).count === rowsAtOnce);
  }
}
