import { randomUUID } from 'node:crypto';
import { type Database, openDatabase, refreshTokens, sessions, users } from '@motience/database';
import { createTestDatabase, type TestDatabase } from '@motience/engines/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { purgeSessions } from './purge-sessions.ts';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const hour = 3_600_000;

describe('purgeSessions', () => {
  it('deletes what ended more than a day ago with its refresh tokens, a bounded number at a time', async () => {
    const [user] = await database.db
      .insert(users)
      .values({ username: 'someone', passwordHash: '-', role: 'consumer' })
      .returning({ id: users.id });
    const add = async (endedHoursAgo: number) => {
      const session = {
        id: randomUUID(),
        userId: user?.id ?? 0n,
        expiresAt: new Date(Date.now() - endedHoursAgo * hour),
      };
      await database.db.insert(sessions).values(session);
      await database.db
        .insert(refreshTokens)
        .values({ tokenHash: session.id, sessionId: session.id, expiresAt: session.expiresAt });
      return session.id;
    };
    const kept = [await add(-1), await add(23)];
    await add(25);
    const many = Array.from({ length: 1_001 }, () => ({
      id: randomUUID(),
      userId: user?.id ?? 0n,
      expiresAt: new Date(0),
    }));
    await database.db.insert(sessions).values(many);

    expect(await purgeSessions(database)).toBe(1_000);
    expect(await purgeSessions(database)).toBe(2);
    expect(await purgeSessions(database)).toBe(0);
    expect((await database.db.select().from(sessions)).map(({ id }) => id).sort()).toEqual(kept.sort());
    expect((await database.db.select().from(refreshTokens)).map(({ sessionId }) => sessionId).sort()).toEqual(
      kept.sort(),
    );
  });
});
