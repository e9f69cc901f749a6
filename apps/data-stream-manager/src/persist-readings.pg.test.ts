import { migrateDatabase, openDatabase } from '@motience/database';
import { createTestDatabase, findFreePort, startPrivatePostgres, type TestDatabase } from '@motience/engines/testing';
import { defaultShardCount, shardOf } from '@motience/stream-log';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { eventually } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let database: TestDatabase;
beforeEach(async () => {
  [corner, database] = await Promise.all([StreamCorner.open(), createTestDatabase()]);
});
afterEach(async () => {
  await corner.close();
  await database.drop();
});

const run = (environment: Record<string, string> = {}, databaseUrl = database.url) =>
  corner.run('data-stream-manager', { DATABASE_URL: databaseUrl, ...environment });

interface Row {
  producer: string;
  epoch: string;
  seq: string;
  device: string;
  bytes_before: string;
  body: string;
}

/** All persisted readings by stream and place. */
async function persisted(url = database.url): Promise<Row[]> {
  const { sql, close } = openDatabase(url, { maxConnections: 1 });
  try {
    return await sql<Row[]>`
      select producer_id as producer, epoch, seq, device_id as device, bytes_before, body from readings
      order by producer_id, epoch, seq`;
  } finally {
    await close();
  }
}

/** Seq and the value of each persisted reading of a producer. */
const valuesOf = (rows: readonly Row[], producerId: string) =>
  rows
    .filter(({ producer }) => producer === producerId)
    .map(({ seq, body }) => [Number(seq), JSON.parse(`${body}}`).data]);

const numbered = (count: number) => Array.from({ length: count }, (_, index) => [index + 1, index + 1]);

/** How many readings are recorded in the minutes of each producer's stream. */
async function recorded(): Promise<Map<string, number>> {
  const { sql, close } = openDatabase(database.url, { maxConnections: 1 });
  try {
    const rows = await sql<{ producer: string; readings: number }[]>`
      select producer_id as producer, sum(readings)::int as readings from stream_minutes group by 1`;
    return new Map(rows.map(({ producer, readings }) => [producer, readings]));
  } finally {
    await close();
  }
}

/** Where a stream stands in Redis. */
const streamState = (producerId: string) =>
  corner.redis.hgetall(corner.keys.stream(shardOf(producerId, defaultShardCount), producerId));

describe('a reading', () => {
  it('is persisted byte for byte at its place in the stream', async () => {
    const { id } = await corner.account('producer');
    const data = ['"', '\\', '{NULL,"a"}', 'NULL', '', ',', '🛰 é', '\n\t', "'; drop table readings; --", '\\x00'];
    await corner.store(id, data, 'a.b:c-1');
    await run().listening;
    await eventually(async () => expect(await persisted()).toHaveLength(data.length));
    const { epoch } = await streamState(id);
    const bodies = data.map((value) => corner.readingText(id, value, 'a.b:c-1'));
    expect(await persisted()).toEqual(
      bodies.map((body, index) => ({
        producer: id,
        epoch,
        seq: String(index + 1),
        device: 'a.b:c-1',
        bytes_before: String(Buffer.byteLength(bodies.slice(0, index).join(''))),
        body,
      })),
    );
  });

  it('is persisted once and in order, and recorded once, although the stream manager is killed again and again', async () => {
    const producers = await Promise.all([1, 2, 3].map(() => corner.account('producer')));
    let sent = 0;
    const send = async () => {
      sent += 1;
      for (const { id } of producers) await corner.store(id, [sent]);
    };
    // At the same address, as one that is started again: at another one it would be a further manager.
    const address = { DSM_PORT: String(await findFreePort()) };
    let manager = run(address);
    await manager.listening;
    for (let round = 0; round < 3; round += 1) {
      const before = (await persisted()).length;
      await eventually(async () => {
        await send();
        expect((await persisted()).length).toBeGreaterThan(before);
      });
      for (let count = 0; count < 50; count += 1) await send();
      await manager.end('SIGKILL');
      await send();
      manager = run(address);
    }
    await eventually(async () => expect(await persisted()).toHaveLength(sent * producers.length));
    const rows = await persisted();
    for (const { id } of producers) expect(valuesOf(rows, id)).toEqual(numbered(sent));
    expect(await recorded()).toEqual(new Map(producers.map(({ id }) => [id, sent])));
    expect(new Set(rows.map(({ producer, epoch }) => `${producer} ${epoch}`)).size).toBe(producers.length);
  });

  it('is persisted and recorded once although two stream managers run', async () => {
    const { id } = await corner.account('producer');
    await Promise.all([run().listening, run().listening]);
    for (let value = 1; value <= 300; value += 1) await corner.store(id, [value]);
    await eventually(async () => expect(await persisted()).toHaveLength(300));
    expect(valuesOf(await persisted(), id)).toEqual(numbered(300));
    expect(await recorded()).toEqual(new Map([[id, 300]]));
  });

  it('leaves nothing behind in the backlog once it is persisted', async () => {
    const { id } = await corner.account('producer');
    await run().listening;
    await corner.store(id, [1, 2, 3]);
    const backlog = () => corner.redis.hgetall(corner.keys.shard(shardOf(id, defaultShardCount)));
    await eventually(async () => expect(await streamState(id)).toMatchObject({ head: '3', persisted: '3' }));
    // Not there if nothing ever waited in the ingest log.
    const { ingest_bytes = '0', unpersisted_bytes } = await backlog();
    expect({ ingest_bytes, unpersisted_bytes }).toEqual({ ingest_bytes: '0', unpersisted_bytes: '0' });
  });
});

describe('a burst', () => {
  it('does not wait for the end of the long pause that follows a round of many streams with few readings', async () => {
    const { id } = await corner.account('producer');
    const others = Array.from({ length: 200 }, (_, at) => String(Number(id) + (at + 1) * defaultShardCount));
    await run().listening;
    for (const other of others) await corner.store(other, [1]);
    await eventually(async () => expect(await persisted()).toHaveLength(others.length));
    const pauseBegan = performance.now();
    const mebibyte = 'x'.repeat(1024 * 1024);
    for (let at = 0; at < 6; at += 1) await corner.store(id, [mebibyte]);
    await eventually(async () => expect(await persisted()).toHaveLength(others.length + 6));
    // The pause is of 5 s.
    expect(performance.now() - pauseBegan).toBeLessThan(4_000);
  });
});

describe('while PostgreSQL is away', () => {
  it('streams go on, and their readings are persisted once it is back', async () => {
    const postgres = await startPrivatePostgres();
    onTestFinished(() => postgres.close());
    await migrateDatabase(postgres.url);
    const { id } = await corner.account('producer');
    const manager = run({}, postgres.url);
    const port = await manager.listening;
    await corner.store(id, [1]);
    await eventually(async () => expect(await persisted(postgres.url)).toHaveLength(1));
    await postgres.stop();
    await corner.store(id, [2, 3]);
    await eventually(async () => expect(await streamState(id)).toMatchObject({ head: '3', persisted: '1' }));
    const ready = await fetch(`http://127.0.0.1:${port}/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ parts: { redis: { ok: true }, postgres: { ok: false } } });
    await postgres.restart();
    await eventually(async () => expect(valuesOf(await persisted(postgres.url), id)).toEqual(numbered(3)));
  });
});

describe('with PERSIST_READINGS=false', () => {
  it('readings are numbered and trimmed, and none goes to PostgreSQL or waits for it', async () => {
    const { id } = await corner.account('producer');
    await corner.store(id, [1, 2]);
    // One that persists, without a PostgreSQL to do it, leaves a backlog.
    const before = run({}, 'postgres://127.0.0.1:1/none');
    await eventually(async () => expect(await streamState(id)).toMatchObject({ head: '2', persisted: '0' }));
    await before.end('SIGKILL');
    await run({ PERSIST_READINGS: 'false', RETAINED_READINGS: '2' }).listening;
    for (const value of [3, 4, 5]) await corner.store(id, [value]);
    await eventually(async () => expect(await streamState(id)).toMatchObject({ head: '5', retained_from: '4' }));
    const shard = shardOf(id, defaultShardCount);
    expect(await corner.redis.hmget(corner.keys.shard(shard), 'ingest_bytes', 'unpersisted_bytes')).toEqual([
      '0',
      null,
    ]);
    expect(await corner.redis.scard(corner.keys.unpersisted(shard))).toBe(0);
    expect(await persisted()).toEqual([]);
  });
});
