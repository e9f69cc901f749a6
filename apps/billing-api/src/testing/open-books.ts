import { openDatabase, plans, subscriptions, users } from '@motience/database';
import { createTestDatabase } from '@motience/engines/testing';
import { type LedgerAccount, post } from '@motience/ledger';
import { micros, month, monthlyCharge, type PlanTerms, planTermsSchema, platformFee } from '@motience/ledger/pricing';
import { sql } from 'drizzle-orm';
import { z } from 'zod';

/** What a day of a subscription is to have in the record. */
interface Day {
  readonly subscriptionId: bigint;
  readonly day: string;
  readonly readings: number;
  readonly bytesEach?: number;
  readonly free?: number;
}

const perReading: PlanTerms = { kind: 'per-reading', currency: 'EUR', price: micros(1_000n) };

/** A database of its own with a consumer who has money, a producer, and helpers that write what settlement would. */
export async function openBooks() {
  const { url, drop } = await createTestDatabase();
  const database = openDatabase(url);
  const { db } = database;
  const addUser = async (role: 'consumer' | 'producer' | 'admin', name: string, shown?: string) => {
    const values = { username: name, role, passwordHash: 'x', name: shown };
    const [row] = await db.insert(users).values(values).returning({ id: users.id });
    return row?.id ?? 0n;
  };
  const consumer = await addUser('consumer', 'consumer');
  const producer = await addUser('producer', 'producer');
  let nextSeq = 1;

  const books = {
    ...database,
    url,
    consumer,
    producer,
    addUser,

    async topUp(amount: bigint, at?: string, account: LedgerAccount = walletOf(consumer)) {
      const posted = await post(db, {
        key: `top-up ${nextSeq++}`,
        kind: 'top-up',
        entries: [
          { account: { kind: 'provider', currency: account.currency, name: 'admin' }, amount: -amount },
          { account, amount },
        ],
      });
      if (at) await books.postedAt(posted.transactionId, at);
    },

    /** Has a posting lie in the past. */
    postedAt: (transactionId: bigint, at: string) =>
      books.tamper(`update ledger_transactions set posted_at = '${at}' where id = ${transactionId}`),

    /** A subscription of the consumer on a plan of its own. */
    async subscribe(
      terms: PlanTerms = perReading,
      options: { createdAt?: string; maxSilenceSeconds?: number; consumer?: bigint; producer?: bigint } = {},
    ) {
      const createdAt = new Date(options.createdAt ?? '2026-09-01T00:00:00Z');
      const [plan] = await db
        .insert(plans)
        .values({
          producerId: options.producer ?? producer,
          name: 'the plan',
          terms: z.encode(planTermsSchema, terms),
          maxSilenceSeconds: options.maxSilenceSeconds,
          createdAt,
        })
        .returning({ id: plans.id });
      await db.execute(sql`update subscriptions set status = 'cancelled', ended_at = ${createdAt.toISOString()}
        where consumer_id = ${options.consumer ?? consumer} and producer_id = ${options.producer ?? producer}
          and status = 'active'`);
      const [subscription] = await db
        .insert(subscriptions)
        .values({
          consumerId: options.consumer ?? consumer,
          producerId: options.producer ?? producer,
          planId: plan?.id,
          createdAt,
        })
        .returning({ id: subscriptions.id });
      const id = subscription?.id ?? 0n;
      await db.execute(sql`
        insert into subscription_meters (subscription_id, consumer_id, producer_id, fee_ppm, state, settled_at)
        values (${id}, ${options.consumer ?? consumer}, ${options.producer ?? producer}, 100000, 'idle',
          ${createdAt.toISOString()})`);
      return id;
    },

    /** What settlement leaves when readings were delivered on a day, on a plan by readings or bytes. */
    async deliver({ subscriptionId, day, readings, bytesEach = 10, free = 0 }: Day) {
      const first = nextSeq;
      nextSeq += readings + 5;
      await db.execute(sql`
        insert into delivered_intervals (consumer_id, producer_id, epoch, first_seq, last_seq, bytes_before,
          bytes_through, subscription_id, day)
        select consumer_id, producer_id, 'epoch-1', ${first}::bigint, ${first + readings - 1}::bigint,
          ${first * bytesEach}::bigint, ${(first + readings) * bytesEach}::bigint, id, ${day}
        from subscriptions where id = ${subscriptionId}`);
      if (free > 0) {
        await db.execute(sql`
          insert into trials (consumer_id, producer_id, started_at, readings, bytes)
          select consumer_id, producer_id, now(), ${free}::bigint, ${free * bytesEach}::bigint
          from subscriptions where id = ${subscriptionId}
          on conflict (consumer_id, producer_id) do update set readings = trials.readings + excluded.readings,
            bytes = trials.bytes + excluded.bytes`);
      }
      const use = { readings: BigInt(readings), bytes: BigInt(readings * bytesEach), seconds: 0n };
      const trial = { readings: BigInt(free), bytes: BigInt(free * bytesEach), seconds: 0n };
      await books.charge(subscriptionId, day, use, trial);
    },

    /** What settlement leaves when time was paid for. */
    async passTime(subscriptionId: bigint, from: string, until: string) {
      const seconds = BigInt((Date.parse(until) - Date.parse(from)) / 1_000);
      await db.execute(sql`
        insert into delivered_time (subscription_id, from_at, until_at, in_trial)
        values (${subscriptionId}, ${from}, ${until}, false)`);
      await books.charge(subscriptionId, from.slice(0, 10), { readings: 0n, bytes: 0n, seconds });
    },

    async charge(
      subscriptionId: bigint,
      day: string,
      use: { readings: bigint; bytes: bigint; seconds: bigint },
      free = { readings: 0n, bytes: 0n, seconds: 0n },
    ) {
      const [row] = await db.execute<Record<string, string> & { terms: unknown }>(sql`
        select s.consumer_id, s.producer_id, p.terms,
          coalesce(sum(d.readings - d.trial_readings), 0)::text as readings,
          coalesce(sum(d.bytes - d.trial_bytes), 0)::text as bytes,
          coalesce(sum(d.seconds - d.trial_seconds), 0)::text as seconds, coalesce(sum(d.charged), 0)::text as charged,
          coalesce(sum(d.fee), 0)::text as fee
        from subscriptions s join plans p on p.id = s.plan_id
        left join subscription_days d on d.subscription_id = s.id and to_char(d.day, 'YYYY-MM') = ${day.slice(0, 7)}
        where s.id = ${subscriptionId} group by s.id, p.id`);
      const before = (name: string) => BigInt(row?.[name] ?? 0);
      const total = monthlyCharge(planTermsSchema.parse(row?.terms), month(day.slice(0, 7)), {
        readings: before('readings') + use.readings - free.readings,
        bytes: before('bytes') + use.bytes - free.bytes,
        seconds: before('seconds') + use.seconds - free.seconds,
      });
      const charged = total - before('charged');
      const fee = platformFee(total, 100_000) - before('fee');
      await db.execute(sql`
        insert into subscription_days as y (subscription_id, day, readings, bytes, seconds, trial_readings, trial_bytes,
          trial_seconds, charged, fee)
        values (${subscriptionId}, ${day}, ${use.readings}, ${use.bytes}, ${use.seconds}, ${free.readings}, ${free.bytes},
          ${free.seconds}, ${charged}, ${fee})
        on conflict (subscription_id, day) do update set readings = y.readings + excluded.readings,
          bytes = y.bytes + excluded.bytes, seconds = y.seconds + excluded.seconds,
          trial_readings = y.trial_readings + excluded.trial_readings, trial_bytes = y.trial_bytes + excluded.trial_bytes,
          charged = y.charged + excluded.charged, fee = y.fee + excluded.fee`);
      if (charged === 0n) return;
      const { transactionId } = await post(db, {
        key: `capture:${subscriptionId}:${nextSeq++}`,
        kind: 'capture',
        entries: [
          { account: walletOf(BigInt(row?.consumer_id ?? 0)), amount: -charged },
          {
            account: { kind: 'earnings', ownerId: BigInt(row?.producer_id ?? 0), currency: 'EUR' },
            amount: charged - fee,
          },
          { account: { kind: 'fee', currency: 'EUR' }, amount: fee },
        ],
        subscriptionId,
      });
      await books.postedAt(transactionId, `${day}T23:59:58Z`);
    },

    /** What is recorded of the producer's stream when it was heard at these times. */
    async hear(...times: string[]) {
      for (const time of times) {
        await db.execute(sql`
          insert into stream_minutes as m (producer_id, minute, readings, bytes, first_received_at, last_received_at,
            heard_seconds, latency_checked, latency_readings, latency_sum_ms, latency_max_ms)
          values (${producer}, date_trunc('minute', ${time}::timestamptz), 1, 1, ${time}, ${time},
            1::bigint << extract(second from ${time}::timestamptz)::int, 0, 0, 0, 0)
          on conflict (producer_id, minute) do update set heard_seconds = m.heard_seconds | excluded.heard_seconds,
            last_received_at = greatest(m.last_received_at, excluded.last_received_at)`);
      }
    },

    /** Has a statement run by a superuser in a session in which no trigger fires: the only way to make some books wrong. */
    async tamper(statement: string) {
      await database.sql.begin(async (tx) => {
        await tx.unsafe('set local session_replication_role = replica');
        await tx.unsafe(statement);
      });
    },

    async close() {
      await database.close();
      await drop();
    },
  };
  return books;
}

export type Books = Awaited<ReturnType<typeof openBooks>>;

function walletOf(ownerId: bigint): LedgerAccount {
  return { kind: 'wallet', ownerId, currency: 'EUR' };
}
