import type { Tokens } from '@motience/protocol';
import { afterEach, expect, it } from 'vitest';
import { refusal } from '../../../tests/support/api-under-test.ts';
import { rowsRead } from '../../../tests/support/rows-read.ts';
import { type AuthApi, startAuthApi } from './testing/start-auth-api.ts';

let api: AuthApi;
afterEach(() => api.stop());

const list = ({ access_token }: Tokens, q = '') => api.call(`GET /producers${q}`, { token: access_token });

it('answers what else is asked while searches wait, refuses those that are too many or take too long, and goes on after', async () => {
  api = await startAuthApi({ ACCOUNT_LISTS_AT_ONCE: '1', ACCOUNT_LIST_TIMEOUT: '500ms' });
  const consumer = await api.signUp('consumer');
  const other = await api.signUp('consumer');
  const answers = await api.context.database.sql.begin(async (tx) => {
    await tx`lock table users in access exclusive mode`;
    const searches = Array.from({ length: 15 }, () => list(consumer, '?q=w'));
    expect(refusal(await Promise.race(searches))).toMatchObject({ status: 503, kind: 'unavailable' });
    expect((await api.call('GET /keys', { token: other.access_token })).status).toBe(200);
    return await Promise.all(searches);
  });
  const messages = answers.map((answer) => refusal(answer).message.split(';')[0]);
  expect(new Set(messages)).toEqual(new Set(['this account waits for too many lists', 'it took longer than it may']));
  expect((await list(consumer, '?q=w')).status).toBe(200);
});

it('lets an account ask for so many lists a minute', async () => {
  api = await startAuthApi({ ACCOUNT_LISTS_PER_MINUTE: '2' });
  const consumer = await api.signUp('consumer');
  const statuses: number[] = [];
  for (let times = 0; times < 3; times += 1) statuses.push((await list(consumer)).status);
  expect(statuses).toEqual([200, 200, 429]);
});

it('finds accounts without looking at all there are', async () => {
  api = await startAuthApi({ ACCOUNT_LISTS_AT_ONCE: '1' });
  const producer = await api.signUp('producer', { name: 'Weather of the north' });
  const many = 20_000;
  const { database } = api.context.accountLists;
  await api.context.database.sql`
    insert into users (username, password_hash, role) select 'consumer number ' || n, '-', 'consumer' from generate_series(1, ${many}::int) n`;
  await api.context.database.sql`vacuum analyze users`;
  for (const q of ['?q=weather', '?q=absent', '']) {
    const before = await rowsRead(database, 'users');
    expect((await list(producer, q)).status).toBe(200);
    expect([q, (await rowsRead(database, 'users')) - before]).toEqual([q, expect.toSatisfy((rows) => rows < many / 4)]);
  }
});
