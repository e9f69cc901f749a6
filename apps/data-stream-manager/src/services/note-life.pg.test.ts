import { type Database, openDatabase } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noteLife } from './note-life.ts';

let testDatabase: TestDatabase;
let database: Database;
beforeEach(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { maxConnections: 5 });
});
afterEach(async () => {
  await database.close();
  await testDatabase.drop();
});

const rest = (seconds: number) => database.sql`
  update platform_life set last_seen_at = last_seen_at - make_interval(secs => ${seconds})`;
/** How long each time lasted, in tens of s: this test takes some itself. */
async function downtimes(): Promise<number[]> {
  const rows = await database.sql<{ tens: number }[]>`
    select floor(extract(epoch from until_at - from_at) / 10)::int as tens from platform_downtimes order by from_at`;
  return rows.map(({ tens }) => tens);
}

it('knows of no time in which nobody was at work, while somebody always was', async () => {
  await noteLife(database.sql);
  await rest(30);
  await noteLife(database.sql);
  expect(await downtimes()).toEqual([]);
});

it('notes each such time once, however many come back at once', async () => {
  await noteLife(database.sql);
  await rest(600);
  await Promise.all(Array.from({ length: 5 }, () => noteLife(database.sql)));
  expect(await downtimes()).toEqual([60]);
  await rest(90);
  await noteLife(database.sql);
  expect((await downtimes()).toSorted((a, b) => a - b)).toEqual([9, 60]);
});
