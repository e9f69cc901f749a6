import { subscriptions } from '@motience/database';
import { pageSchema, publicUserSchema, type Tokens } from '@motience/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal } from '../../../tests/support/api-under-test.ts';
import { type AuthApi, startAuthApi } from './testing/start-auth-api.ts';

const pageOfUsers = pageSchema(publicUserSchema.strict());
let api: AuthApi;
let producers: Tokens[];
let consumers: Tokens[];
let admin: Tokens;

beforeAll(async () => {
  api = await startAuthApi({ REGISTERS_PER_MINUTE: '1000' });
  producers = [
    await api.signUp('producer', { name: 'Weather 100%' }),
    await api.signUp('producer'),
    await api.signUp('producer'),
  ];
  consumers = [await api.signUp('consumer'), await api.signUp('consumer')];
  admin = await api.signUp('admin');
  const [consumerId, former] = consumers.map(({ user }) => BigInt(user.id));
  const producerId = BigInt(producers[0]?.user.id ?? 0);
  if (consumerId === undefined || former === undefined) throw new Error('two consumers are needed');
  await api.context.database.db.insert(subscriptions).values([
    { consumerId, producerId },
    { consumerId: former, producerId, status: 'cancelled', endedAt: new Date() },
  ]);
});
afterAll(() => api.stop());

async function list(path: string, as: Tokens | undefined) {
  const reply = await api.call(`GET ${path}`, { token: as?.access_token ?? '' });
  const { items, next_cursor } = pageOfUsers.parse(reply.json);
  return { names: items.map(({ username }) => username), next: next_cursor };
}
const names = (accounts: Tokens[]) => accounts.map(({ user }) => user.username);

describe('GET /producers', () => {
  it('shows everyone who is signed in all producers, by public fields only', async () => {
    for (const as of [consumers[0], producers[1], admin]) {
      expect(await list('/producers', as)).toEqual({ names: names(producers), next: null });
    }
  });

  it('comes in pages that follow one another without a gap', async () => {
    const first = await list('/producers?limit=2', admin);
    expect(first.names).toEqual(names(producers.slice(0, 2)));
    expect(await list(`/producers?limit=2&cursor=${first.next}`, admin)).toEqual({
      names: names(producers.slice(2)),
      next: null,
    });
    expect(await list('/producers?limit=3', admin)).toMatchObject({ next: null });
  });

  it('finds in username and name, in any case, and takes % and _ for what they are', async () => {
    expect((await list('/producers?q=WEATHER', admin)).names).toEqual(names(producers.slice(0, 1)));
    expect((await list(`/producers?q=${producers[1]?.user.username.slice(-3)}`, admin)).names).toEqual(
      names(producers.slice(1, 2)),
    );
    expect((await list('/producers?q=%25', admin)).names).toEqual(names(producers.slice(0, 1)));
    expect((await list('/producers?q=_', admin)).names).toEqual([]);
    expect((await list(`/producers?q=${encodeURIComponent("' or 1=1 --")}`, admin)).names).toEqual([]);
    expect((await list('/producers?q=%5C', admin)).names).toEqual([]);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=x', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['cursor=x', 'cursor'],
    ['cursor=-1', 'cursor'],
    ['cursor=99999999999999999999', 'cursor'],
    [`q=${'x'.repeat(65)}`, 'q'],
    ['q=a%00b', 'q'],
  ])('refuses ?%.30s and names it', async (query, field) => {
    const reply = await api.call(`GET /producers?${query}`, { token: admin.access_token });
    expect(refusal(reply)).toMatchObject({ status: 400, kind: 'invalid-request', paths: [field] });
  });

  it('is closed to who is not signed in', async () => {
    expect(refusal(await api.call('GET /producers'))).toMatchObject({ status: 401, kind: 'unauthenticated' });
  });
});

describe('GET /consumers', () => {
  it('shows an admin everyone', async () => {
    expect((await list('/consumers', admin)).names).toEqual(names(consumers));
  });

  it('shows a producer its subscribers, and none of before or of others', async () => {
    expect((await list('/consumers', producers[0])).names).toEqual(names(consumers.slice(0, 1)));
    expect((await list('/consumers', producers[1])).names).toEqual([]);
  });

  it('shows a consumer itself, whatever it looks for', async () => {
    expect((await list('/consumers', consumers[1])).names).toEqual(names(consumers.slice(1)));
    expect((await list(`/consumers?q=${consumers[0]?.user.username}`, consumers[1])).names).toEqual([]);
  });
});
