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
/** How long each time lasted, in s. */
async function downtimes(): Promise<number[]> {
  const rows = await database.sql<{ seconds: number }[]>`
    select extract(epoch from until_at - from_at)::int as seconds from platform_downtimes order by from_at`;
  return rows.map(({ seconds }) => seconds);
}

it('knows of no time in which nobody was at work, while somebody always was', async () => {
  await noteLife(database.sql);
  await rest(50);
  await noteLife(database.sql);
  expect(await downtimes()).toEqual([]);
});

it('notes each such time once, however many come back at once', async () => {
  await noteLife(database.sql);
  await rest(600);
  await Promise.all(Array.from({ length: 5 }, () => noteLife(database.sql)));
  expect(await downtimes()).toEqual([600]);
  await rest(90);
  await noteLife(database.sql);
  expect((await downtimes()).toSorted((a, b) => a - b)).toEqual([90, 600]);
});
