import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { refusal } from '../../../tests/support/api-under-test.ts';
import { type SubscriptionManager, startSubscriptionManager } from './testing/start-subscription-manager.ts';

let api: SubscriptionManager;
beforeAll(async () => {
  api = await startSubscriptionManager({
    CATALOGUE_QUERIES_AT_ONCE: '1',
    CATALOGUE_QUERIES_WAITING: '1',
    CATALOGUE_QUERY_TIMEOUT: '500ms',
  });
});
afterAll(() => api.stop());

const search = () => api.call(undefined, 'GET /listings');

it('refuses searches beyond those that run and wait, and such as take too long, and goes on after', async () => {
  const { sql } = api.context.database;
  const replies = await sql.begin(async (tx) => {
    await tx`lock table listings in access exclusive mode`;
    const running = search();
    await vi.waitFor(async () => {
      const [row] =
        await tx`select count(*)::int as waiting from pg_locks where not granted and relation = 'listings'::regclass`;
      expect(row?.waiting).toBe(1);
    }, 30_000);
    const more = await Promise.all([search(), search(), search()]);
    return [await running, ...more];
  });
  const said = replies.map((reply) => refusal(reply));
  expect(said.every(({ status, kind }) => status === 503 && kind === 'unavailable')).toBe(true);
  const messages = said.map(({ message }) => message);
  expect(messages.filter((message) => message.startsWith('too many are searching'))).toHaveLength(2);
  expect(messages.filter((message) => message.startsWith('it took longer than it may'))).toHaveLength(2);
  expect((await search()).status).toBe(200);
});

it('measures the own listing so many times a minute at most, and shows it all the same', async () => {
  const producer = await api.addAccount('producer');
  const listing = { title: 'Stream', description: 'Readings.', category: 'things', licence: 'CC0' };
  await api.call(producer, 'PUT /listing', listing);
  const measuredAt = async () => {
    const [row] = await api.context.database.sql`
      select measured_at::text as at from listing_measures where producer_id = ${producer.id}`;
    return String(row?.at);
  };
  const seen = new Set<string>();
  for (let looks = 0; looks < 40; looks += 1) {
    expect((await api.call(producer, 'GET /listing')).status).toBe(200);
    seen.add(await measuredAt());
  }
  expect(seen.size).toBe(20);
});
