import type { Database } from '@motience/database';
import { Refusal, type Usage } from '@motience/protocol';
import { sql } from 'drizzle-orm';

export interface DevicesQuery {
  readonly consumerId: bigint;
  readonly producerId: bigint;
  /** Days from the first until before the last. */
  readonly from: string;
  readonly to: string;
}

/** How many readings may have to be looked at. */
const mostReadings = 1_000_000n;
const mostDevices = 10_000;

/**
 * What was delivered to a consumer of a producer's stream, by device: from the positions that were delivered and the readings
 * that are stored there. Those older than what is kept (`HISTORY_AGE`), or not persisted, are counted as `not_stored`.
 * Refuses with `too-large` where there are too many to look at.
 */
export function readDevices(
  { db }: Pick<Database, 'db'>,
  { consumerId, producerId, from, to }: DevicesQuery,
): Promise<Pick<Usage, 'devices' | 'not_stored'>> {
  return db.transaction(
    async (tx) => {
      const theirs = sql`
        join subscriptions s on s.id = i.subscription_id
        where s.consumer_id = ${consumerId} and s.producer_id = ${producerId} and i.day >= ${from} and i.day < ${to}`;
      const intervals = sql`select epoch, first_seq, last_seq from delivered_intervals i ${theirs}`;
      const [total] = await tx.execute<Record<'readings' | 'summed', string>>(sql`
        select (select coalesce(sum(last_seq - first_seq + 1), 0) from (${intervals}) i)::text as readings,
          (select coalesce(sum(i.readings), 0) from delivered_sums i ${theirs})::text as summed`);
      const delivered = BigInt(total?.readings ?? 0);
      if (delivered > mostReadings) {
        const most = `${delivered} readings were delivered, and at most ${mostReadings} can be told apart by device`;
        throw new Refusal('too-large', `${most}: ask for fewer days`);
      }
      const devices = await tx.execute<Record<'device_id' | 'readings' | 'bytes', string>>(sql`
        select r.device_id, count(*)::text as readings, sum(octet_length(r.body))::text as bytes
        from (${intervals}) i
        join readings r on r.producer_id = ${producerId} and r.epoch = i.epoch and r.seq between i.first_seq and i.last_seq
        group by r.device_id order by r.device_id limit ${mostDevices}`);
      const stored = devices.reduce((sum, { readings }) => sum + BigInt(readings), 0n);
      return { devices: [...devices], not_stored: String(delivered - stored + BigInt(total?.summed ?? 0)) };
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}
