import { finished } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { sql as raw } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../packages/database/dist/index.js';
import { createTestDatabase, type TestDatabase } from '../packages/engines/dist/testing.js';
import { type ResettingRelay, relayTo } from './support/resetting-relay.ts';

let testDatabase: TestDatabase;
let database: Database;
let other: Database;
let relay: ResettingRelay;
/** By way of the relay, over one connection. */
let relayed: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { maxConnections: 1 });
  other = openDatabase(testDatabase.url, { maxConnections: 1 });
  await other.sql`create table notes (text text)`;
  await other.sql`create table numbers (number int primary key)`;
  relay = await relayTo(testDatabase.url);
});
afterAll(async () => {
  await Promise.all([database.close(), other.close()]);
  await relay.close();
  await testDatabase.drop();
});

describe('a connection that is lost in a transaction', () => {
  it('while it runs a statement: the transaction fails, and the next one works', async () => {
    const transaction = database.db.transaction(async (tx) => {
      const [row] = await tx.execute<{ pid: number }>(raw`select pg_backend_pid() as pid`);
      await Promise.all([tx.execute(raw`select pg_sleep(60)`), endConnection(row?.pid)]);
    });
    await expect(transaction).rejects.toThrow();
    await expectToWork();
  });

  it('between two statements: nothing it says afterwards is carried out', async () => {
    const transaction = database.db.transaction(async (tx) => {
      const [row] = await tx.execute<{ pid: number }>(raw`select pg_backend_pid() as pid`);
      await endConnection(row?.pid);
      await expectToWork();
      await tx.execute(raw`insert into notes values ('of a transaction that failed')`);
    });
    await expect(transaction).rejects.toThrow(/CONNECTION_CLOSED|terminat/);
    await setImmediate();
    expect(await other.sql`select text from notes`).toEqual([]);
    await expectToWork();
  });
});

describe('a connection that is reset', () => {
  beforeEach(async () => {
    relayed = openDatabase(relay.url, { maxConnections: 1 });
    await other.sql`truncate numbers`;
    await other.sql`insert into numbers values (1)`;
  });
  afterEach(() => relayed.close());

  it.each([
    ['begins', 'begin'],
    ['begins a COPY', 'copy numbers'],
    ['sends a row of a COPY', '2\n'],
    ['ends a COPY', 'c\0\0\0\x04'],
    ['runs a statement', 'as counted'],
    ['commits', 'commit'],
  ])('while a transaction %s: it fails, and the next one does what it is told', async (_, bytes) => {
    relay.resetAt(bytes);
    await expect(store(2)).rejects.toThrow(/ECONNRESET|CONNECTION_CLOSED/);
    expect(relay.hasReset()).toBe(true);
    await expectToStore(2, [1, 2]);
  });

  it('while a transaction is rolled back: it fails, and the next one does what it is told', async () => {
    relay.resetAt('rollback');
    await expect(store(1)).rejects.toThrow();
    expect(relay.hasReset()).toBe(true);
    await expectToStore(2, [1, 2]);
  });

  it('while it is opened: the transaction fails, and the next one does what it is told', async () => {
    relay.resetAt('pg_catalog.pg_type');
    await expect(store(2)).rejects.toThrow();
    expect(relay.hasReset()).toBe(true);
    await expectToStore(2, [1, 2]);
  });

  it('while a query runs: one that is made in that very moment does not wait for ever', async () => {
    await relayed.sql`select 1`;
    relay.resetAt('as lost');
    const lost = relayed.sql`select 1 as lost`;
    await expect(lost.catch(() => relayed.sql`select 2`)).rejects.toThrow('CONNECTION_CLOSED');
    await expectToStore(2, [1, 2]);
  });
});

/** In one transaction; returns what is there then. */
async function store(number: number): Promise<number[]> {
  return relayed.sql.begin(async (tx) => {
    const stream = await tx.unsafe('copy numbers from stdin').writable();
    stream.end(`${number}\n`);
    await finished(stream);
    const rows = await tx<{ counted: number }[]>`select number as counted from numbers order by number`;
    return rows.map((row) => row.counted);
  });
}

/** Soon: what took the answer of another would wait for ever. */
async function expectToStore(number: number, expected: number[]): Promise<void> {
  const startedAt = performance.now();
  expect(await store(number)).toEqual(expected);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
}

async function endConnection(pid: number | undefined): Promise<void> {
  await other.sql`select pg_terminate_backend(${pid ?? 0}, 5000)`;
}

/** Soon: a connection that is stuck would be tried for 5 s before it is given up. */
async function expectToWork(): Promise<void> {
  const startedAt = performance.now();
  // The loss is seen at the next statement at the latest, which may be one that fails.
  await database.sql`select 1`.catch(() => {});
  expect(await database.sql`select 1 as one`).toEqual([{ one: 1 }]);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
}
