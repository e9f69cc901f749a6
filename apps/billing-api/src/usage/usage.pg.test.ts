import { micros } from '@motience/ledger/pricing';
import { earningsSchema, usageSchema } from '@motience/protocol';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Books, openBooks } from '../testing/open-books.ts';
import { refusalOf, type ServedBilling, serveBilling } from '../testing/serve-billing.ts';

let books: Books;
let billing: ServedBilling;
let consumer: string;
let producer: string;
let other: bigint;

beforeAll(async () => {
  books = await openBooks();
  billing = await serveBilling(books.url);
  consumer = await billing.signIn(books.consumer, 'consumer');
  producer = await billing.signIn(books.producer, 'producer');
  await books.topUp(10_000_000n);
  const one = await books.subscribe();
  await books.deliver({ subscriptionId: one, day: '2026-10-01', readings: 100, free: 20 });
  await books.deliver({ subscriptionId: one, day: '2026-10-31', readings: 30 });
  await books.deliver({ subscriptionId: one, day: '2026-11-01', readings: 7 });
  other = await books.addUser('producer', 'other');
  const two = await books.subscribe(undefined, { producer: other });
  await books.deliver({ subscriptionId: two, day: '2026-10-31', readings: 4 });
  const inDollars = await books.subscribe({ kind: 'per-reading', price: micros(5n), currency: 'EUR' });
  await books.deliver({ subscriptionId: inDollars, day: '2026-10-31', readings: 2 });
  // Of the first hundred readings the first ten are no longer stored.
  await books.db.execute(sql`
    insert into readings (producer_id, epoch, seq, device_id, body)
    select ${books.producer}, 'epoch-1', seq, case when seq % 3 = 0 then 'a' else 'b' end, '0123456789'
    from generate_series(11, 2000) as seq`);
});
afterAll(async () => {
  await billing.stop();
  await books.close();
});

async function usage(query: string) {
  const response = await billing.fetch(consumer, `GET /usage?${query}`);
  return usageSchema.parse(await response.json());
}
const sums = (items: { group: string; use: { readings: string }; charge: string }[]) =>
  items.map(({ group, use, charge }) => [group, use.readings, charge]);

describe('usage', () => {
  it('is added up by stream, from a day until before another', async () => {
    const { items } = await usage('from=2026-10-01&to=2026-11-01&group_by=stream');
    expect(items[0]).toEqual({
      group: String(books.producer),
      name: 'producer',
      currency: 'EUR',
      use: { readings: '132', bytes: '1320', seconds: '0' },
      trial: { readings: '20', bytes: '200', seconds: '0' },
      charge: '0.11001',
      credited: '0.00',
    });
    expect(sums(items)).toEqual([
      [String(books.producer), '132', '0.11001'],
      [String(other), '4', '0.004'],
    ]);
    expect(
      sums((await usage(`from=2026-10-02&to=2026-11-01&group_by=stream&producer_id=${books.producer}`)).items),
    ).toEqual([[String(books.producer), '32', '0.03001']]);
  });

  it('is added up by day, in pages', async () => {
    const days = [
      ['2026-10-01', '100', '0.08'],
      ['2026-10-31', '36', '0.03401'],
      ['2026-11-01', '7', '0.007'],
    ];
    const period = 'from=2026-10-01&to=2026-11-02&group_by=day';
    expect(sums((await usage(period)).items)).toEqual(days);
    const first = await usage(`${period}&limit=2`);
    const rest = await usage(`${period}&limit=2&cursor=${first.next_cursor}`);
    expect([sums(first.items), sums(rest.items), rest.next_cursor]).toEqual([days.slice(0, 2), days.slice(2), null]);
  });

  it('is told apart by device as far as the readings are stored, and says what is not', async () => {
    const { devices, not_stored } = await usage(
      `from=2026-10-01&to=2026-10-02&group_by=device&producer_id=${books.producer}`,
    );
    const readings = (devices ?? []).reduce((sum, device) => sum + Number(device.readings), 0);
    expect([readings, not_stored]).toEqual([91, '9']);
    expect(devices?.map(({ device_id }) => device_id)).toEqual(['a', 'b']);
    for (const device of devices ?? []) expect(Number(device.bytes)).toBe(Number(device.readings) * 10);
  });
});

it('earnings are added up by consumer, plan and day, with the platform’s part', async () => {
  const earnings = async (groupBy: string) => {
    const response = await billing.fetch(producer, `GET /earnings?from=2026-10-01&to=2026-11-01&group_by=${groupBy}`);
    return earningsSchema.parse(await response.json()).items;
  };
  expect(await earnings('consumer')).toEqual([
    expect.objectContaining({ group: String(books.consumer), charge: '0.11001', fee: '0.011001', earned: '0.099009' }),
  ]);
  expect((await earnings('plan')).map(({ name, charge }) => [name, charge])).toEqual([
    ['the plan', '0.11'],
    ['the plan', '0.00001'],
  ]);
  expect(sums(await earnings('day'))).toEqual([
    ['2026-10-01', '100', '0.08'],
    ['2026-10-31', '32', '0.03001'],
  ]);
});

describe('what is refused:', () => {
  it.each([
    ['from=2026-10-01&to=2026-10-01&group_by=day', ['to']],
    ['from=2026-10-02&to=2026-10-01&group_by=day', ['to']],
    ['from=2025-10-01&to=2026-10-03&group_by=day', ['to']],
    ['from=2026-02-30&to=2026-10-03T00:00:00Z&group_by=hour', ['from', 'to', 'group_by']],
    ['group_by=day', ['from', 'to']],
    ['from=2026-10-01&to=2026-10-02&group_by=device', ['producer_id']],
    ['from=2026-10-01&to=2026-10-02&group_by=day&cursor=7', ['cursor']],
    ['from=2026-10-01&to=2026-10-02&group_by=day&cursor=2999-19-39:', ['cursor']],
    ['from=2026-10-01&to=2026-10-02&group_by=day&cursor=2026-02-30:EUR', ['cursor']],
    ['from=2026-10-01&to=2026-10-02&group_by=stream&cursor=2026-10-01:EUR', ['cursor']],
  ])('%s', async (query, paths) => {
    const refused = await refusalOf(await billing.fetch(consumer, `GET /usage?${query}`));
    expect(refused).toMatchObject({ status: 400, kind: 'invalid-request' });
    expect(refused.paths.sort()).toEqual(paths.sort());
  });

  it('a producer’s usage and a consumer’s earnings', async () => {
    const period = 'from=2026-10-01&to=2026-10-02&group_by=day';
    expect(await refusalOf(await billing.fetch(producer, `GET /usage?${period}`))).toMatchObject({ status: 403 });
    expect(await refusalOf(await billing.fetch(consumer, `GET /earnings?${period}`))).toMatchObject({ status: 403 });
  });
});
