import { setImmediate } from 'node:timers/promises';
import { sql as raw } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../packages/database/dist/index.js';
import { createTestDatabase, type TestDatabase } from '../packages/engines/dist/testing.js';

let testDatabase: TestDatabase;
let database: Database;
let other: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { maxConnections: 1 });
  other = openDatabase(testDatabase.url, { maxConnections: 1 });
  await other.sql`create table notes (text text)`;
});
afterAll(async () => {
  await Promise.all([database.close(), other.close()]);
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
