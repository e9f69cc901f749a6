import type { Database } from '@motience/database';
import { afterEach, expect, it, vi } from 'vitest';
import { refusal } from '../../../tests/support/api-under-test.ts';
import { BillingService, type TestAccount, type TestAnswer } from './testing/billing-service.ts';

let service: BillingService;
let consumer: TestAccount;

const thisMonth = '/statements/2026-11';
const read = (account = consumer, path = thisMonth) => service.call('GET', path, account);
const said = ({ status, body }: TestAnswer) => refusal({ status, json: body });

type Transaction = Parameters<Parameters<Database['sql']['begin']>[1]>[0];

/** Runs `work` while nothing can read what statements are made of; then lets them go on, and gives what they answered. */
async function whileReadersWait(
  requests: () => readonly Promise<TestAnswer>[],
  atLeast: number,
  work?: (tx: Transaction) => Promise<void>,
) {
  const { sql } = service.context.database;
  const { answers } = await sql.begin(async (tx) => {
    await tx`lock table statement_lines in access exclusive mode`;
    const answers = requests();
    await vi.waitFor(async () => expect(await waitingFor(tx)).toBeGreaterThanOrEqual(atLeast), 30_000);
    await work?.(tx);
    return { answers };
  });
  return Promise.all(answers);
}

async function waitingFor(tx: Transaction): Promise<number> {
  const [row] = await tx`
    select count(*)::int as waiting from pg_locks where not granted and relation = 'statement_lines'::regclass`;
  return Number(row?.waiting);
}

async function start(environment: Record<string, string>): Promise<void> {
  service = await BillingService.start(environment);
  consumer = await service.account('consumer');
}
afterEach(() => service.close());

it('settles while everybody who may reads money and has no answer yet', async () => {
  await start({ BILLING_QUERIES_AT_ONCE: '9' });
  const turns = async (tx: Transaction) => {
    const [row] = await tx`select case when is_called then last_value else 0 end::int as turns from settlement_turns`;
    return Number(row?.turns);
  };
  const others = await Promise.all(Array.from({ length: 12 }, () => service.account('consumer')));
  await whileReadersWait(
    () => others.map((other) => read(other)),
    9,
    async (tx) => {
      service.context.start();
      await vi.waitFor(async () => expect(await turns(tx)).toBeGreaterThan(0), 4_000);
    },
  );
});

it('refuses reads beyond those that run and wait, and such as take too long, and goes on after', async () => {
  await start({ BILLING_QUERIES_AT_ONCE: '1', BILLING_QUERIES_WAITING: '1', BILLING_QUERY_TIMEOUT: '500ms' });
  const others = await Promise.all(Array.from({ length: 3 }, () => service.account('producer')));
  const answers = await whileReadersWait(
    () => [read(), ...others.map((other) => read(other))],
    1,
    async (tx) => {
      await vi.waitFor(async () => expect(await waitingFor(tx)).toBe(0), 30_000);
    },
  );
  // The one that waited for its turn may have begun when nothing was locked any more.
  const refusals = answers.filter(({ status }) => status !== 200).map(said);
  const messages = refusals.map(({ message }) => message.split(';')[0]);
  expect(messages).toContain('it took longer than it may');
  expect(messages.filter((message) => message === 'too many are looking at money')).toHaveLength(2);
  expect((await read()).status).toBe(200);
});

it('refuses usage by device when that takes too long, as any other read', async () => {
  await start({ BILLING_QUERY_TIMEOUT: '500ms' });
  await service.context.database.sql.begin(async (tx) => {
    await tx`lock table readings in access exclusive mode`;
    const path = '/usage?from=2026-10-01&to=2026-10-02&group_by=device&producer_id=1';
    const begun = performance.now();
    expect(said(await read(consumer, path))).toMatchObject({ status: 503, kind: 'unavailable' });
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});

it('answers others while one account waits for more than its share', async () => {
  await start({ BILLING_QUERIES_AT_ONCE: '3', BILLING_QUERY_TIMEOUT: '30s' });
  const other = await service.account('consumer');
  const answers = await whileReadersWait(
    () => Array.from({ length: 30 }, () => read()),
    2,
    async () => {
      expect((await read(other, '/wallets/EUR')).status).toBe(200);
    },
  );
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused.map(said)).toEqual(
    Array.from({ length: 8 }, () => expect.objectContaining({ status: 503, kind: 'unavailable' })),
  );
});

it('lets an account look at its money so many times a minute', async () => {
  await start({ BILLING_REQUESTS_PER_MINUTE: '3' });
  const paths = ['/wallets', '/limits', '/top-ups', '/statements'];
  const statuses: number[] = [];
  for (const path of paths) statuses.push((await read(consumer, path)).status);
  expect(statuses).toEqual([200, 200, 200, 429]);
  expect(said(await read(consumer, '/wallets/EUR')).message).toContain('3 looks at money per account per minute');
  expect((await read(await service.account('consumer'), '/wallets')).status).toBe(200);
});
