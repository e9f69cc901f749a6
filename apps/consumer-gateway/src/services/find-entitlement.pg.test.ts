import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEntitlement } from './find-entitlement.ts';

let testDatabase: TestDatabase;
let database: Database;
beforeEach(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { maxConnections: 1 });
  await database.sql`
    insert into users (username, password_hash, role)
    select 'user' || n, '-', case when n <= 2 then 'consumer' else 'producer' end from generate_series(1, 4) n`;
});
afterEach(async () => {
  await database.close();
  await testDatabase.drop();
});

const subscribe = (consumer: number, producer: number, from: string, to: string | null = null) => database.sql`
  insert into subscriptions (consumer_id, producer_id, created_at, ended_at, status)
  values (${consumer}, ${producer}, ${from}, ${to}, ${to === null ? 'active' : 'cancelled'})`;

const find = (consumer: number, producer: number) => findEntitlement(database.sql, String(consumer), String(producer));

const ms = (time: string) => Date.parse(time);

describe('the times of a subscription', () => {
  it('are those of this consumer and this producer, ascending; the active one goes on', async () => {
    await subscribe(1, 3, '2025-01-01T00:00:00Z', '2025-01-02T00:00:00Z');
    await subscribe(1, 4, '2025-01-03T00:00:00Z');
    await subscribe(2, 3, '2025-01-04T00:00:00Z');
    await subscribe(1, 3, '2025-01-05T00:00:00.25+02:00');
    expect(await find(1, 3)).toEqual([
      { fromMs: ms('2025-01-01T00:00:00Z'), toMs: ms('2025-01-02T00:00:00Z') },
      { fromMs: ms('2025-01-04T22:00:00.250Z'), toMs: undefined },
    ]);
    expect(await find(2, 4)).toEqual([]);
  });

  it('begin and end at whole milliseconds within what was paid for', async () => {
    await subscribe(1, 3, '2025-01-01T00:00:00.000001Z', '2025-01-01T00:00:00.004999Z');
    await subscribe(1, 3, '2025-01-02T00:00:00.000100Z', '2025-01-02T00:00:00.000900Z');
    const start = ms('2025-01-01T00:00:00Z');
    expect(await find(1, 3)).toEqual([{ fromMs: start + 1, toMs: start + 4 }]);
  });

  it('are one when they overlap', async () => {
    await subscribe(1, 3, '2025-01-01T00:00:00Z', '2025-01-03T00:00:00Z');
    await subscribe(1, 3, '2025-01-02T00:00:00Z');
    expect(await find(1, 3)).toEqual([{ fromMs: ms('2025-01-01T00:00:00Z'), toMs: undefined }]);
  });

  it('are those of the newest 1,000', async () => {
    await database.sql`
      insert into subscriptions (consumer_id, producer_id, created_at, ended_at, status)
      select 1, 3, to_timestamp(n * 10), to_timestamp(n * 10 + 5), 'cancelled' from generate_series(1, 1003) n order by n`;
    const found = await find(1, 3);
    expect(found).toHaveLength(1_000);
    expect(found[0]).toEqual({ fromMs: 40_000, toMs: 45_000 });
    expect(found.at(-1)).toEqual({ fromMs: 10_030_000, toMs: 10_035_000 });
  });
});
