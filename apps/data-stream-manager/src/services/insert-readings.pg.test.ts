import { type Database, migrateDatabase, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { BatchWriter, type UnpersistedRange } from '@motience/stream-log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../../../../tests/support/test-socket.ts';
import { SeenDevices } from './record-devices.ts';
import { storeReadings } from './store-readings.ts';

let place: TestDatabase;
let database: Database;
beforeEach(async () => {
  place = await createTestDatabase();
  await migrateDatabase(place.url);
  database = openDatabase(place.url);
});
afterEach(async () => {
  await database.close();
  await place.drop();
});

const retainedAtMs = Date.UTC(2031, 1, 2, 3, 4, 5, 678);

/** A batch of readings with these bodies, from a seq on. */
function range(
  firstSeq: number,
  bodies: readonly string[],
  producerId = '9223372036854775807',
  bytes = { bytesBefore: 0, bytesThrough: 0 },
): UnpersistedRange {
  const writer = new BatchWriter();
  for (const body of bodies) writer.add('a.b:c-1', body);
  const batch = { epoch: 'e-1', firstSeq, count: bodies.length, retainedAtMs, ...bytes, batch: writer.bytes() };
  return { producerId, epoch: 'e-1', from: firstSeq, to: firstSeq + bodies.length - 1, batches: [batch] };
}

const store = (ranges: readonly UnpersistedRange[]) => storeReadings(database.sql, ranges, new SeenDevices());

const rows = () =>
  database.sql`
    select producer_id as producer, epoch, seq, bytes_before as total, device_id as device, body,
      extract(epoch from received_at) as at
    from readings order by producer_id, seq`;

const bodies = async () => (await rows()).map(({ body }) => body);

it('stores each reading at its place, byte for byte, with the time it was numbered at', async () => {
  const large = 2 ** 40 + 2 ** 32 - 1;
  const bytes = { bytesBefore: large, bytesThrough: large + 3_016 };
  await store([range(large, ['{"s":"🛰 é\\n\t', 'x'.repeat(3_000), ''], undefined, bytes), range(1, ['y'], '1')]);
  const common = { epoch: 'e-1', device: 'a.b:c-1', at: (retainedAtMs / 1_000).toFixed(6) };
  const producer = '9223372036854775807';
  expect(await rows()).toEqual([
    { ...common, producer: '1', seq: '1', total: null, body: 'y' },
    { ...common, producer, seq: String(large), total: String(large), body: '{"s":"🛰 é\\n\t' },
    { ...common, producer, seq: String(large + 1), total: String(large + 16), body: 'x'.repeat(3_000) },
    { ...common, producer, seq: String(large + 2), total: String(large + 3_016), body: '' },
  ]);
});

it('leaves what is there already as it is, and stores the rest', async () => {
  await store([range(2, ['two'])]);
  await store([range(1, ['one', 'other', 'three'])]);
  await store([range(1, ['one', 'other', 'other'])]);
  expect(await bodies()).toEqual(['one', 'two', 'three']);
});

it('fails, and stores none of them, when PostgreSQL refuses one or its connection is lost', async () => {
  await expect(store([range(1, ['one', 'a\0b'])])).rejects.toThrow('invalid byte sequence');
  await database.sql.begin(async (transaction) => {
    await transaction`lock table readings in exclusive mode`;
    const failed = expect(store([range(1, ['one'])])).rejects.toThrow();
    await eventually(async () => {
      const cut = await database.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where wait_event_type = 'Lock' and datname = current_database()`;
      expect(cut).toHaveLength(1);
    });
    await failed;
  });
  await store([range(1, ['again'])]);
  expect(await bodies()).toEqual(['again']);
});
