import { sql } from 'drizzle-orm';

/**
 * What was delivered, for the `from` of a query: intervals of readings that are kept, and sums of those that are not any more. Each with
 * how many intervals it is, and its readings and bytes.
 */
export const allDelivered = sql`(
  select consumer_id, producer_id, subscription_id, day, epoch, first_seq, last_seq, bytes_before, bytes_through,
    1::bigint as intervals, last_seq - first_seq + 1 as readings, bytes_through - bytes_before as bytes
  from delivered_intervals
  union all
  select consumer_id, producer_id, subscription_id, day, epoch, first_seq, last_seq, bytes_before, bytes_through,
    intervals, readings, bytes
  from delivered_sums)`;
