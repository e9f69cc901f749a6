import { type SQL, sql } from 'drizzle-orm';
import { allDelivered } from '../settlement/all-delivered.ts';

/**
 * What has to hold beyond single subscriptions. Each finds the first row that breaks a rule, and says so as `mismatch`;
 * none trusts what the database enforces.
 */
export const wholeBooks: readonly SQL[] = [
  // Nobody is charged for a reading twice: intervals do not overlap, on whichever subscriptions.
  sql`select format('consumer %s, producer %s, epoch %s: seq %s to %s was delivered, and so was %s to %s (subscription %s)',
        consumer_id, producer_id, epoch, before_first, before_last, first_seq, last_seq, subscription_id) as mismatch
      from (
        select *, lag(first_seq) over following as before_first, lag(last_seq) over following as before_last
        from delivered_intervals
        window following as (partition by consumer_id, producer_id, epoch order by first_seq)
      ) intervals
      where before_last >= first_seq order by consumer_id, producer_id, epoch, first_seq limit 1`,
  sql`select format('consumer %s, producer %s, epoch %s: up to seq %s is summed up, and still seq %s was delivered (subscription %s)',
        consumer_id, producer_id, epoch, s.last_seq, i.first_seq, i.subscription_id) as mismatch
      from (select consumer_id, producer_id, epoch, max(last_seq) as last_seq from delivered_sums group by 1, 2, 3) s
      cross join lateral (
        select first_seq, subscription_id from delivered_intervals i
        where (i.consumer_id, i.producer_id, i.epoch) = (s.consumer_id, s.producer_id, s.epoch)
          and i.first_seq <= s.last_seq
        order by first_seq limit 1
      ) i order by consumer_id, producer_id, epoch limit 1`,
  sql`select format('consumer %s, producer %s, epoch %s: %s readings are summed up of the %s from seq %s to %s',
        consumer_id, producer_id, epoch, sum(readings), max(last_seq) - min(first_seq) + 1, min(first_seq), max(last_seq))
        as mismatch
      from delivered_sums group by consumer_id, producer_id, epoch
      having sum(readings) > max(last_seq) - min(first_seq) + 1 order by consumer_id, producer_id, epoch limit 1`,
  sql`select format('subscription %s: the time from %s was counted, and so was the time until %s',
        subscription_id, from_at, before_until) as mismatch
      from (
        select *, lag(until_at) over (partition by subscription_id order by from_at) as before_until from delivered_time
      ) times
      where before_until > from_at order by subscription_id, from_at limit 1`,
  sql`select format('subscription %s: intervals of it are of consumer %s and producer %s, which are not its own',
        i.subscription_id, i.consumer_id, i.producer_id) as mismatch
      from ${allDelivered} i join subscriptions s on s.id = i.subscription_id
      where (i.consumer_id, i.producer_id) <> (s.consumer_id, s.producer_id) order by i.subscription_id limit 1`,
  // A trial is had once between a consumer and a producer: what it gave is what was metered as free, at most.
  sql`select format('consumer %s, producer %s: the trial gave %s readings and %s bytes, but %s and %s were metered as free',
        consumer_id, producer_id, t.readings, t.bytes, coalesce(d.readings, 0), coalesce(d.bytes, 0)) as mismatch
      from trials t
      left join (
        select consumer_id, producer_id, sum(trial_readings) as readings, sum(trial_bytes) as bytes
        from subscription_days join subscriptions on id = subscription_id group by consumer_id, producer_id
      ) d using (consumer_id, producer_id)
      where t.readings > coalesce(d.readings, 0) or t.bytes > coalesce(d.bytes, 0)
      order by consumer_id, producer_id limit 1`,
  sql`select format('payout %s is %s, so %s micro-units have to be held for it, but %s are', p.id, p.status,
        case when p.ended_at is null then p.amount else 0 end, coalesce(a.balance, 0)) as mismatch
      from payouts p
      left join ledger_accounts a
        on a.kind = 'hold' and a.owner_id = p.producer_id and a.currency = p.currency and a.name = 'payout-' || p.id
      where coalesce(a.balance, 0) <> case when p.ended_at is null then p.amount else 0 end order by p.id limit 1`,
];
