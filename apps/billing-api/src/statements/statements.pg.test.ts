import { inflateSync } from 'node:zlib';
import { createTestRedis, type TestRedis } from '@motience/engines/testing';
import type { LedgerAccount } from '@motience/ledger';
import { micros, monthOf } from '@motience/ledger/pricing';
import {
  deliveredIntervalPageSchema,
  type Statement,
  type StatementLine,
  statementListSchema,
  statementSchema,
} from '@motience/protocol';
import { createKeys, openRedis, type RedisConnection, UsageLog } from '@motience/stream-log';
import { parse } from 'csv-parse/sync';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { closeDays } from '../closing/close-days.ts';
import { finishStatements } from '../closing/finish-statements.ts';
import { lastDayOf } from '../settlement/days.ts';
import { sumOldDeliveries } from '../settlement/sum-old-deliveries.ts';
import { type Books, openBooks } from '../testing/open-books.ts';
import { refusalOf, type ServedBilling, serveBilling } from '../testing/serve-billing.ts';

let books: Books;
let billing: ServedBilling;
let corner: TestRedis;
let redis: RedisConnection;
let consumer: string;
let producer: string;
let admin: string;
let subscription: bigint;

beforeEach(async () => {
  [books, corner] = await Promise.all([openBooks(), createTestRedis()]);
  billing = await serveBilling(books.url);
  redis = openRedis(corner.url, { onError: () => {} });
  consumer = await billing.signIn(books.consumer, 'consumer');
  producer = await billing.signIn(books.producer, 'producer');
  admin = await billing.signIn(await books.addUser('admin', 'admin'), 'admin');
  await books.topUp(10_000_000n, '2026-09-02T08:00:00Z');
  subscription = await books.subscribe({
    kind: 'per-reading',
    price: micros(1_000n),
    currency: 'EUR',
    trial: { readings: 20 },
  });
  await books.deliver({ subscriptionId: subscription, day: '2026-09-30', readings: 70, free: 20 });
  await books.topUp(1_000_000n, '2026-10-01T00:00:00Z');
  await books.deliver({ subscriptionId: subscription, day: '2026-10-01', readings: 100 });
  await books.deliver({ subscriptionId: subscription, day: '2026-10-02', readings: 30 });
});
afterEach(async () => {
  redis.disconnect();
  await billing.stop();
  await Promise.all([books.close(), corner.drop()]);
});

async function close(day: string): Promise<void> {
  const usageLog = new UsageLog(redis, createKeys(corner.prefix));
  await closeDays({ database: books, usageLog, streams: undefined }, day, 0n);
  await finishStatements({ database: books, usageLog }, day, 0n);
}

async function statement(token: string, month: string, query = ''): Promise<Statement> {
  const response = await billing.fetch(token, `GET /statements/${month}${query}`);
  const body: unknown = await response.json();
  expect([response.status, body]).toEqual([200, expect.anything()]);
  return statementSchema.parse(body);
}

const balance = (opening: string, use: string, movements: string, closing: string) => [
  { currency: 'EUR', opening, use, movements, closing },
];

describe('a statement', () => {
  it('says for a consumer what was used, what that cost, and what is left', async () => {
    expect(await statement(consumer, '2026-10')).toEqual({
      account_id: String(books.consumer),
      account_name: 'consumer',
      role: 'consumer',
      month: '2026-10',
      final: false,
      balances: balance('9.95', '-0.13', '1.00', '10.82'),
      lines: [
        {
          kind: 'use',
          subscription_id: String(subscription),
          account_id: String(books.producer),
          account_name: 'producer',
          plan: {
            id: expect.any(String),
            name: 'the plan',
            terms: { kind: 'per-reading', price: '0.001', currency: 'EUR', trial: { readings: 20 } },
            in_words: '0.001 EUR per reading; the first 20 readings free',
          },
          currency: 'EUR',
          unit_price: '0.001 EUR per reading',
          use: { readings: '130', bytes: '1300', seconds: '0' },
          trial: { readings: '0', bytes: '0', seconds: '0' },
          charge: '0.13',
          fee: null,
          amount: '-0.13',
          days: [
            {
              day: '2026-10-01',
              use: { readings: '100', bytes: '1000', seconds: '0' },
              trial: { readings: '0', bytes: '0', seconds: '0' },
              charge: '0.10',
              fee: null,
            },
            {
              day: '2026-10-02',
              use: { readings: '30', bytes: '300', seconds: '0' },
              trial: { readings: '0', bytes: '0', seconds: '0' },
              charge: '0.03',
              fee: null,
            },
          ],
          epochs: [
            {
              epoch: 'epoch-1',
              intervals: 2,
              from: expect.any(Number),
              to: expect.any(Number),
              readings: '130',
              bytes: '1300',
            },
          ],
          more_epochs: false,
        },
        expect.objectContaining({ kind: 'top-up', amount: '1.00', at: '2026-10-01T00:00:00.000Z' }),
      ],
      next_cursor: null,
    });
    expect(await statement(consumer, '2026-09')).toMatchObject({
      balances: balance('0.00', '-0.05', '10.00', '9.95'),
      lines: [{ use: { readings: '70' }, trial: { readings: '20' }, charge: '0.05' }, { kind: 'top-up' }],
    });
    expect(await statement(consumer, '2026-08')).toMatchObject({ balances: [], lines: [] });
  });

  it('says for a producer what was sold, what the platform took, and what was paid out', async () => {
    const earnings: LedgerAccount = { kind: 'earnings', ownerId: books.producer, currency: 'EUR' };
    await books.topUp(2_000_000n, '2026-09-01T00:00:00Z', earnings);
    const payout = await billing.fetch(producer, 'POST /payouts', { currency: 'EUR', amount: '1.00', key: 'k' });
    const { id } = (await payout.json()) as { id: string };
    await billing.fetch(admin, `POST /admin/payouts/${id}/approve`);
    await billing.fetch(admin, `POST /admin/payouts/${id}/paid`, { reference: 'SEPA' });
    await books.tamper("update ledger_transactions set posted_at = '2026-11-05' where kind in ('payout', 'hold')");
    expect(await statement(producer, '2026-10')).toMatchObject({
      role: 'producer',
      balances: balance('2.045', '0.117', '0.00', '2.162'),
      lines: [{ account_name: 'consumer', charge: '0.13', fee: '0.013', amount: '0.117', days: [{ fee: '0.01' }, {}] }],
    });
    expect(await statement(producer, '2026-11')).toMatchObject({
      balances: balance('2.162', '0.00', '-1.00', '1.162'),
      lines: [{ kind: 'payout', amount: '-1.00' }],
    });
  });

  it('counts use in the month of its day, also when it was posted in the next', async () => {
    await books.tamper("update ledger_transactions set posted_at = '2026-11-01T00:00:01Z' where kind = 'capture'");
    expect(await statement(consumer, '2026-10')).toMatchObject({ balances: balance('9.95', '-0.13', '1.00', '10.82') });
    expect(await statement(consumer, '2026-11')).toMatchObject({ balances: balance('10.82', '0.00', '0.00', '10.82') });
  });

  it('of a month that is closed is final, and never changes', async () => {
    expect((await statement(consumer, '2026-10')).final).toBe(false);
    await close('2026-10-31');
    const closed = await statement(consumer, '2026-10');
    expect(closed.final).toBe(true);
    const csv = async () => (await billing.fetch(consumer, 'GET /statements/2026-10?format=csv')).text();
    const pdf = async () => (await billing.fetch(consumer, 'GET /statements/2026-10?format=pdf')).bytes();
    const [closedCsv, closedPdf] = [await csv(), await pdf()];
    await books.deliver({ subscriptionId: subscription, day: '2026-11-01', readings: 5 });
    await books.topUp(7_000_000n, '2026-11-02T00:00:00Z');
    expect(await statement(consumer, '2026-10')).toEqual(closed);
    expect([await csv(), await pdf()]).toEqual([closedCsv, closedPdf]);
    const months = await billing.fetch(consumer, 'GET /statements');
    expect(statementListSchema.parse(await months.json()).items).toEqual([
      { month: '2026-11', final: false },
      { month: '2026-10', final: true },
      { month: '2026-09', final: true },
    ]);
  });

  it('of a month that is closed stays what it was when accounts are renamed, and get money in other currencies', async () => {
    await close('2026-10-31');
    const closed = [await statement(consumer, '2026-10'), await statement(producer, '2026-10')];
    await books.sql`update users set name = 'Renamed ' || role`;
    await books.topUp(5_000_000n, '2026-11-02T00:00:00Z', { kind: 'wallet', ownerId: books.consumer, currency: 'USD' });
    expect([await statement(consumer, '2026-10'), await statement(producer, '2026-10')]).toEqual(closed);
    const now = await statement(consumer, '2026-11');
    expect(now).toMatchObject({ account_name: 'Renamed consumer', final: false });
    expect(now.balances.map(({ currency }) => currency)).toEqual(['EUR', 'USD']);
  });

  it('of a month that is closed stays final when a subscription of before is received for the first time', async () => {
    await close('2026-10-31');
    const closed = [await statement(consumer, '2026-10'), await statement(producer, '2026-10')];
    expect(closed.map(({ final }) => final)).toEqual([true, true]);
    const late = await books.subscribe(undefined, { createdAt: '2026-10-31T12:00:00Z' });
    await books.deliver({ subscriptionId: late, day: '2026-11-22', readings: 5 });
    expect([await statement(consumer, '2026-10'), await statement(producer, '2026-10')]).toEqual(closed);
    await close('2026-11-22');
    expect([await statement(consumer, '2026-10'), await statement(producer, '2026-10')]).toEqual(closed);
  });

  it('of a month is not final while something of it may still be told, posted or closed', async () => {
    const keys = createKeys(corner.prefix);
    const usageLog = new UsageLog(redis, keys);
    const [seconds] = await redis.time();
    const thisMonth = monthOf(new Date(Number(seconds) * 1_000));
    const finish = () => finishStatements({ database: books, usageLog }, lastDayOf(thisMonth), 0n);
    const areFinal = async () => [
      (await statement(consumer, thisMonth)).final,
      (await statement(producer, thisMonth)).final,
    ];
    await finish();
    expect(await areFinal()).toEqual([false, false]);
    await closeDays({ database: books, usageLog, streams: undefined }, lastDayOf(thisMonth), 0n);
    await usageLog.want(['1']);
    await finish();
    expect(await areFinal()).toEqual([false, false]);
    await redis.del(keys.usageLog);
    await books.sql.begin(async (tx) => {
      await tx`select 1`;
      await finish();
    });
    expect(await areFinal()).toEqual([false, false]);
    await finish();
    expect(await areFinal()).toEqual([true, true]);
    await expect(books.sql`update statement_finals set account_name = 'x'`).rejects.toThrow('append-only');
  });

  it('shows what was credited for silence, on both sides', async () => {
    const other = await books.subscribe(
      { kind: 'per-time', per: 'hour', price: micros(3_600_000n), currency: 'EUR' },
      { createdAt: '2026-10-04T00:00:00Z', maxSilenceSeconds: 600 },
    );
    await books.passTime(other, '2026-10-04T10:00:00Z', '2026-10-04T11:00:00Z');
    // Of this hour alone the platform would have to give its fee back.
    await books.topUp(1_000_000n, undefined, { kind: 'earnings', ownerId: books.producer, currency: 'EUR' });
    const streams = { unpersisted: async () => new Set<string>() };
    const usageLog = new UsageLog(redis, createKeys(corner.prefix));
    await closeDays({ database: books, usageLog, streams }, '2026-10-04', 0n);
    await books.tamper("update ledger_transactions set posted_at = '2026-10-05T01:00:00Z' where kind = 'credit'");
    const credit = { kind: 'credit', subscription_id: String(other), silence: { day: '2026-10-04', seconds: '3600' } };
    expect((await statement(consumer, '2026-10')).lines.at(-1)).toMatchObject({ ...credit, amount: '3.60' });
    expect((await statement(producer, '2026-10')).lines.at(-1)).toMatchObject({ ...credit, amount: '-3.60' });
  });

  it('comes in pages, and the intervals of a line too', async () => {
    const seen: StatementLine[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Statement = await statement(consumer, '2026-10', `?limit=1${cursor && `&cursor=${cursor}`}`);
      expect(page.lines.length).toBeLessThanOrEqual(1);
      seen.push(...page.lines);
      cursor = page.next_cursor;
    }
    expect(seen).toEqual((await statement(consumer, '2026-10')).lines);

    const route = `GET /statements/2026-10/intervals?limit=1&subscription_id=${subscription}`;
    const first = deliveredIntervalPageSchema.parse(await (await billing.fetch(consumer, route)).json());
    const rest = await billing.fetch(consumer, `${route}&cursor=${first.next_cursor}`);
    const items = [...first.items, ...deliveredIntervalPageSchema.parse(await rest.json()).items];
    expect(items.map(({ day, from, to }) => [day, to - from + 1])).toEqual([
      ['2026-10-01', 100],
      ['2026-10-02', 30],
    ]);
  });

  it('leaves out no interval that is summed up between two pages', async () => {
    for (let times = 0; times < 3; times += 1) {
      await books.deliver({ subscriptionId: subscription, day: '2026-10-03', readings: 5 });
    }
    const page = async (query: string) => {
      const route = `GET /statements/2026-10/intervals?limit=3&subscription_id=${subscription}${query}`;
      return deliveredIntervalPageSchema.parse(await (await billing.fetch(consumer, route)).json());
    };
    const first = await page('');
    expect(first.items.map(({ day, readings }) => [day, readings])).toEqual([
      ['2026-10-01', '100'],
      ['2026-10-02', '30'],
      ['2026-10-03', '5'],
    ]);
    await sumOldDeliveries({ database: books, streams: { keptFrom: async () => new Map() } });
    const second = await page(`&cursor=${first.next_cursor}`);
    expect(second).toMatchObject({ items: [{ day: '2026-10-03', intervals: '3', readings: '15' }], next_cursor: null });
    expect(second.items[0]?.from).toBe(first.items[2]?.from);
  });
});

describe('as CSV', () => {
  it('has a line each, adds up, and has nothing that a spreadsheet would carry out', async () => {
    await books.db.execute('update users set name = \'=HYPERLINK("http://x";"y")\' where username = \'producer\'');
    const response = await billing.fetch(consumer, 'GET /statements/2026-10', undefined, { accept: 'text/csv' });
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(response.headers.get('content-disposition')).toBe(
      `attachment; filename="statement-2026-10-consumer-${books.consumer}.csv"`,
    );
    const rows: Record<string, string>[] = parse(await response.text(), { columns: true, bom: true });
    expect(rows.map(({ kind, debit, credit }) => [kind, debit, credit])).toEqual([
      ['opening balance', '', '9.95'],
      ['use', '0.13', ''],
      ['use by day', '', ''],
      ['use by epoch', '', ''],
      ['use by day', '', ''],
      ['use by epoch', '', ''],
      ['top-up', '', '1.00'],
      ['closing balance', '', '10.82'],
    ]);
    expect(rows[1]).toMatchObject({ readings: '130', account_name: '\'=HYPERLINK("http://x";"y")', charge: '0.13' });
    for (const row of rows) for (const value of Object.values(row)) expect(value).not.toMatch(/^[=+\-@\t\r]/);
  });
});

it('as CSV has the days and epochs from which each line can be computed again, also in a month with a trial', async () => {
  await books.deliver({ subscriptionId: subscription, day: '2026-09-30', readings: 40 });
  await books.db.execute(
    "update delivered_intervals set epoch = 'epoch-2' where first_seq = (select max(first_seq) from delivered_intervals)",
  );
  const response = await billing.fetch(consumer, 'GET /statements/2026-09?format=csv');
  const rows: Record<string, string>[] = parse(await response.text(), { columns: true, bom: true });
  const [line] = rows.filter(({ kind }) => kind === 'use');
  const days = rows.filter(({ kind }) => kind === 'use by day');
  const epochs = rows.filter(({ kind }) => kind === 'use by epoch');
  expect(epochs.map(({ day, epoch, intervals }) => [day, epoch, intervals])).toEqual([
    ['2026-09-30', 'epoch-1', '1'],
    ['2026-09-30', 'epoch-2', '1'],
  ]);
  for (const row of epochs) expect(Number(row.last_seq) - Number(row.first_seq) + 1).toBe(Number(row.readings));
  const sum = (of: Record<string, string>[], column: string) => of.reduce((all, row) => all + Number(row[column]), 0);
  for (const column of ['readings', 'bytes']) {
    expect([sum(days, column), sum(epochs, column)]).toEqual([Number(line?.[column]), Number(line?.[column])]);
  }
  expect([line?.unit_price, sum(days, 'readings') - sum(days, 'trial_readings')]).toEqual([
    '0.001 EUR per reading',
    90,
  ]);
  expect([line?.charge, line?.debit]).toEqual(['0.09', '0.09']);
});

it('says when a line has more epochs than are shown, which are the newest', async () => {
  await books.db.execute(sql`
    insert into delivered_intervals (consumer_id, producer_id, epoch, first_seq, last_seq, bytes_before, bytes_through,
      subscription_id, day)
    select ${books.consumer}, ${books.producer}, 'epoch-2-' || lpad(n::text, 2, '0'), 1, 1, 0, 10, ${subscription}, '2026-10-05'
    from generate_series(1, 50) n`);
  const [line] = (await statement(consumer, '2026-10')).lines;
  if (line?.kind !== 'use') throw new Error('the first line is one of use');
  expect([line.epochs.length, line.epochs[0]?.epoch, line.epochs.at(-1)?.epoch, line.more_epochs]).toEqual([
    50,
    'epoch-2-01',
    'epoch-2-50',
    true,
  ]);
});

describe('as PDF', () => {
  it('is written for so many at once, and others are told when to try again', async () => {
    const refused: Response[] = [];
    const asked = await books.sql.begin(async (tx) => {
      await tx`lock table statement_lines in access exclusive mode`;
      const answers = Array.from({ length: 8 }, async () => {
        const answer = await billing.fetch(consumer, 'GET /statements/2026-10?format=pdf');
        if (answer.status === 503) refused.push(answer);
        return answer.status;
      });
      await vi.waitFor(() => expect(refused).toHaveLength(6), 15_000);
      return { answers };
    });
    expect((await Promise.all(asked.answers)).filter((status) => status === 200)).toHaveLength(2);
    expect(refused.map(({ headers }) => headers.get('retry-after'))).toEqual(refused.map(() => '1'));
    expect(await refusalOf(refused[0] ?? new Response())).toMatchObject({ kind: 'unavailable' });
    expect((await billing.fetch(consumer, 'GET /statements/2026-10?format=csv')).status).toBe(200);
  });

  it('goes over as many pages as it takes, with long names and in any script', async () => {
    const names = [
      'Метеостанция «Север»',
      'محطة الرصد الجوي',
      '気象観測所 🌦',
      'W'.repeat(200),
      'A station with a name that is long, and goes on, '.repeat(4),
    ];
    for (const [at, name] of names.entries()) {
      const other = await books.addUser('producer', `other-${at}`, name.slice(0, 200));
      for (let times = 0; times < 12; times += 1) {
        const id = await books.subscribe(undefined, {
          producer: other,
          createdAt: `2026-10-0${(times % 5) + 3}T00:00:00Z`,
        });
        await books.deliver({ subscriptionId: id, day: '2026-10-09', readings: 3 });
      }
    }
    const response = await billing.fetch(consumer, 'GET /statements/2026-10?format=pdf');
    expect(response.headers.get('content-type')).toBe('application/pdf');
    const pdf = Buffer.from(await response.arrayBuffer());
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    const pages = pdf.toString('latin1').match(/\/Type \/Page\b(?!s)/g)?.length ?? 0;
    expect(pages).toBeGreaterThan(2);
    expect(pages).toBeLessThan(8);
  });
});

it('a name whose letters the PDF’s font lacks is written as codes, and the reader is told', async () => {
  const other = await books.addUser('producer', 'station-far-away', '气象站');
  const id = await books.subscribe(undefined, { producer: other, createdAt: '2026-10-03T00:00:00Z' });
  await books.deliver({ subscriptionId: id, day: '2026-10-09', readings: 3 });
  const response = await billing.fetch(consumer, 'GET /statements/2026-10?format=pdf');
  const letters = lettersIn(Buffer.from(await response.arrayBuffer()));
  expect(letters).not.toContain('6c14');
  // The backslash and the brace of an escape.
  expect(letters).toEqual(expect.arrayContaining(['005c', '007b']));
  const csv = await (await billing.fetch(consumer, 'GET /statements/2026-10?format=csv')).text();
  expect(csv).toContain('气象站');
});

/** Codes of the letters that glyphs of a PDF stand for, as its fonts map them. */
function lettersIn(pdf: Buffer): string[] {
  const streams = pdf.toString('latin1').matchAll(/stream\n(.*?)\nendstream/gs);
  const texts = [...streams].flatMap(([, data = '']) => {
    try {
      return [inflateSync(Buffer.from(data, 'latin1')).toString('latin1')];
    } catch {
      return [];
    }
  });
  const maps = texts.filter((text) => text.includes('beginbfrange'));
  return maps.flatMap((text) => [...text.matchAll(/[0-9a-f]{4}/g)].map(([code]) => code));
}

describe('who may, and what is refused:', () => {
  it('an account sees its own, an admin everyone’s', async () => {
    expect((await statement(admin, '2026-10', `?account_id=${books.consumer}`)).role).toBe('consumer');
    const others = await billing.fetch(producer, `GET /statements/2026-10?account_id=${books.consumer}`);
    expect(await refusalOf(others)).toMatchObject({ status: 403 });
    expect(await refusalOf(await billing.fetch(admin, 'GET /statements/2026-10'))).toMatchObject({ status: 404 });
    const otherConsumer = await billing.signIn(await books.addUser('consumer', 'another'), 'consumer');
    const route = `GET /statements/2026-10/intervals?subscription_id=${subscription}`;
    expect(await refusalOf(await billing.fetch(otherConsumer, route))).toMatchObject({ status: 404 });
  });

  it('names what it does not understand', async () => {
    const paths = async (path: string) => (await refusalOf(await billing.fetch(consumer, `GET ${path}`))).paths;
    for (const month of ['2026-13', '2026-1', 'now', '1926-01']) {
      expect([month, await paths(`/statements/${month}`)]).toEqual([month, ['month']]);
    }
    expect(await paths('/statements/2026-10?format=xml&limit=0')).toEqual(['limit', 'format']);
    expect(await paths('/statements/2026-10?cursor=use-x')).toEqual(['cursor']);
    expect(await paths('/statements/2026-10/intervals?subscription_id=x&cursor=1')).toEqual(['subscription_id']);
  });
});
