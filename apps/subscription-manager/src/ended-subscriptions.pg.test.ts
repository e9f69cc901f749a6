import { openDatabase, subscriptions } from '@motience/database';
import { createTestDatabase } from '@motience/engines/testing';
import { createProjector } from '@motience/rights';
import { count } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal } from '../../../tests/support/api-under-test.ts';
import { endPlans } from './services/end-plans.ts';
import { createSubscriptionPurge } from './services/purge-subscriptions.ts';
import { readSubscriptions } from './services/read-subscriptions.ts';
import { type SubscriptionManager, startSubscriptionManager } from './testing/start-subscription-manager.ts';

const changesPerDay = 5;
const historyAgeMs = 30 * 86_400_000;
const paid = { name: 'By the reading', terms: { kind: 'per-reading', price: '0.01', currency: 'EUR' } };

let api: SubscriptionManager;
beforeAll(async () => {
  api = await startSubscriptionManager({ SUBSCRIPTION_CHANGES_PER_DAY: String(changesPerDay) });
});
afterAll(() => api.stop());

describe('subscriptions that have ended', () => {
  it('are not gone through to show, count or move those that have not', async () => {
    const { url, drop } = await createTestDatabase();
    const database = openDatabase(url, { maxConnections: 1 });
    const { sql } = database;
    const rowsRead = async () => {
      await sql`select pg_stat_force_next_flush()`;
      const [row] = await sql`
        select (idx_tup_fetch + seq_tup_read)::int as read from pg_stat_user_tables where relname = 'subscriptions'`;
      return Number(row?.read);
    };
    try {
      await sql`
        insert into users (username, password_hash, role)
        values ('c', '-', 'consumer'), ('p', '-', 'producer'), ('q', '-', 'producer')`;
      await sql`insert into plans (producer_id, name, terms) values (2, 'ends', '{"kind":"free"}')`;
      await sql`
        insert into subscriptions (consumer_id, producer_id, plan_id, status, created_at, ended_at)
        select 1, 2, 1, 'cancelled', to_timestamp(n), to_timestamp(n + 1) from generate_series(1, 20000) n`;
      await sql`insert into subscriptions (consumer_id, producer_id, plan_id) values (1, 2, 1), (1, 3, null)`;
      await sql`
        with others as (
          insert into users (username, password_hash, role) select n, '-', 'consumer' from generate_series(1, 5000) n
          returning id)
        insert into subscriptions (consumer_id, producer_id) select id, 3 from others`;
      await sql`update plans set withdrawn_at = now(), ends_at = now() where id = 1`;
      await sql`analyze subscriptions`;
      const readLittle = async <Result>(work: () => Promise<Result>): Promise<Result> => {
        const before = await rowsRead();
        const result = await work();
        expect((await rowsRead()) - before).toBeLessThan(50);
        return result;
      };
      const countOf = async (side: 'consumer' | 'producer', id: string) =>
        (await readLittle(() => readSubscriptions(database, side, id, { limit: 50 }))).items.length;
      expect([await countOf('consumer', '1'), await countOf('producer', '2')]).toEqual([2, 1]);
      const projector = createProjector({ database, rights: api.rights, logger: api.context.logger });
      await readLittle(() => endPlans({ database, projector }));
      expect([await countOf('consumer', '1'), await countOf('producer', '2')]).toEqual([1, 0]);
    } finally {
      await database.close();
      await drop();
    }
  });

  it('are deleted once nothing is resumed by them any more, unless a bill needs them', async () => {
    const [consumer, producer] = [await api.addAccount('consumer'), await api.addAccount('producer')];
    const { id: planId } = await api.offered(producer, paid);
    const { sql, db } = api.context.database;
    const rows = await sql<{ id: string }[]>`
      insert into subscriptions (consumer_id, producer_id, plan_id, status, created_at, ended_at)
      select ${consumer.id}, ${producer.id}, ${planId}, case when days is null then 'active' else 'cancelled' end,
        now() - interval '100 days', now() - days * interval '1 day'
      from (values (40), (29), (40), (40), (null)) as ended (days) returning id`;
    const [, recent, metered, limited, active] = rows.map(({ id }) => id);
    await sql`
      insert into subscription_meters (subscription_id, consumer_id, producer_id, fee_ppm, state, settled_at)
      values (${metered ?? ''}, ${consumer.id}, ${producer.id}, 0, 'idle', now())`;
    await sql`
      insert into spending_limits (consumer_id, currency, subscription_id, period, amount)
      values (${consumer.id}, 'EUR', ${limited ?? ''}, 'day', 1)`;
    await createSubscriptionPurge(api.context.database, historyAgeMs)();
    const left = await db.select({ id: subscriptions.id }).from(subscriptions).orderBy(subscriptions.id);
    expect(left.map(({ id }) => String(id))).toEqual([recent, metered, limited, active]);
  });

  it('are looked at some at a time, and all of them in the end', async () => {
    const [consumer, producer] = [await api.addAccount('consumer'), await api.addAccount('producer')];
    const { sql, db } = api.context.database;
    await sql`
      insert into subscriptions (consumer_id, producer_id, status, created_at, ended_at)
      select ${consumer.id}, ${producer.id}, 'cancelled', to_timestamp(n),
        case when n <= 6000 then now() else to_timestamp(n + 1) end
      from generate_series(1, 12000) n order by n`;
    const left = async () => Number((await db.select({ left: count() }).from(subscriptions))[0]?.left);
    const kept = (await left()) - 6_000;
    const purge = createSubscriptionPurge(api.context.database, historyAgeMs);
    await purge();
    expect(await left()).toBe(kept + 6_000);
    for (let times = 0; times < 2; times += 1) await purge();
    expect(await left()).toBe(kept);
  });
});

describe('a consumer', () => {
  it('may change its subscriptions so many times a day', async () => {
    const consumer = await api.addAccount('consumer');
    const producers = await Promise.all(Array.from({ length: changesPerDay + 1 }, () => api.addAccount('producer')));
    const last = producers.pop() ?? consumer;
    for (const producer of producers) await api.subscribed(consumer, producer);
    expect(refusal(await api.subscribe(consumer, last))).toMatchObject({
      status: 429,
      kind: 'rate-limited',
      message: `more than ${changesPerDay} changes of subscriptions per account per day`,
    });
  });
});

describe('when plans end', () => {
  it('all subscribers are looked at, however many of them somebody else is changing', async () => {
    const [producer, free] = [await api.addAccount('producer'), await api.addAccount('consumer')];
    const { id } = await api.offered(producer, { name: 'Free', terms: { kind: 'free' } });
    const { sql } = api.context.database;
    await sql`
      with busy as (
        insert into users (username, password_hash, role) select 'busy' || n, '-', 'consumer' from generate_series(1, 600) n
        returning id)
      insert into subscriptions (consumer_id, producer_id, plan_id) select id, ${producer.id}, ${id} from busy`;
    await api.subscribed(free, producer, id);
    await sql.begin(async (tx) => {
      await tx`select from users where username like 'busy%' for no key update`;
      await api.call(producer, `DELETE /plans/${id}`);
      await endPlans(api.context);
    });
    expect(await api.active(free)).toEqual([]);
    const [row] =
      await sql`select count(*)::int as busy from subscriptions where status = 'active' and plan_id = ${id}`;
    expect(row?.busy).toBe(600);
    await endPlans(api.context);
    expect(await sql`select from subscriptions where status = 'active' and plan_id = ${id}`).toHaveLength(0);
  });
});
