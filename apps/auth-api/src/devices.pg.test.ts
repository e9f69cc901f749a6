import { deviceSchema, pageSchema, type Tokens } from '@motience/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal } from '../../../tests/support/api-under-test.ts';
import { type AuthApi, startAuthApi } from './testing/start-auth-api.ts';

const pageOfDevices = pageSchema(deviceSchema);
const limit = 5;
let api: AuthApi;
beforeAll(async () => {
  api = await startAuthApi({ REGISTERS_PER_MINUTE: '1000', DEVICES_PER_PRODUCER: String(limit) });
});
afterAll(() => api.stop());

const add = ({ access_token: token }: Tokens, body: unknown) => api.call('POST /devices', { token, body });
const remove = ({ access_token: token }: Tokens, id: string) => api.call(`DELETE /devices/${id}`, { token });
async function list({ access_token: token }: Tokens, query = '') {
  const { items, next_cursor } = pageOfDevices.parse((await api.call(`GET /devices${query}`, { token })).json);
  return { ids: items.map(({ device_id }) => device_id), next: next_cursor };
}
const isProjected = ({ user }: Tokens, item: string) => api.rights.has({ kind: 'device', accountId: user.id, item });

describe('devices', () => {
  it('are the own ones, the one named at registration first', async () => {
    const producer = await api.signUp('producer', { device_id: 'first' });
    const other = await api.signUp('producer', { device_id: 'elsewhere' });
    const reply = await add(producer, { device_id: 'second', name: 'On the roof' });
    expect(reply.status).toBe(201);
    expect(deviceSchema.parse(reply.json)).toMatchObject({ device_id: 'second', name: 'On the roof' });
    expect(await list(producer)).toEqual({ ids: ['first', 'second'], next: null });
    expect(await list(other)).toEqual({ ids: ['elsewhere'], next: null });
    expect(await isProjected(producer, 'second')).toBe(true);
  });

  it('come in pages', async () => {
    const producer = await api.signUp('producer');
    for (const device_id of ['a', 'b', 'c']) await add(producer, { device_id });
    const first = await list(producer, '?limit=2');
    expect(first.ids).toEqual(['a', 'b']);
    expect(await list(producer, `?limit=2&cursor=${first.next}`)).toEqual({ ids: ['c'], next: null });
  });

  it('may have the same name at another producer, and none twice at one', async () => {
    const [one, two] = [await api.signUp('producer'), await api.signUp('producer')];
    expect((await add(one, { device_id: 'same' })).status).toBe(201);
    expect((await add(two, { device_id: 'same' })).status).toBe(201);
    expect(refusal(await add(one, { device_id: 'same' }))).toMatchObject({ status: 409, kind: 'conflict' });
    expect((await add(one, { device_id: 'Same' })).status).toBe(201);
  });

  it('are cut off when they are removed, and can be added again', async () => {
    const producer = await api.signUp('producer', { device_id: 'a:b' });
    expect(await remove(producer, 'a:b')).toMatchObject({ status: 204, json: undefined });
    expect(await isProjected(producer, 'a:b')).toBe(false);
    expect(await list(producer)).toEqual({ ids: [], next: null });
    expect((await api.call('GET /me', { token: producer.access_token })).json).toMatchObject({ device_id: null });
    expect(refusal(await remove(producer, 'a:b'))).toMatchObject({ status: 404, kind: 'not-found' });
    expect((await add(producer, { device_id: 'a:b' })).status).toBe(201);
    expect(await isProjected(producer, 'a:b')).toBe(true);
  });

  it('of others cannot be removed, and look as if they were not there', async () => {
    const owner = await api.signUp('producer', { device_id: 'mine' });
    const other = await api.signUp('producer');
    expect(refusal(await remove(other, 'mine'))).toMatchObject({ status: 404, kind: 'not-found' });
    expect(await list(owner)).toMatchObject({ ids: ['mine'] });
    expect(await isProjected(owner, 'mine')).toBe(true);
  });

  it('are limited in number, however many are added at once', async () => {
    const producer = await api.signUp('producer', { device_id: 'first' });
    const replies = await Promise.all(Array.from({ length: 10 }, (_, n) => add(producer, { device_id: `d${n}` })));
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(limit - 1);
    const refused = replies.find(({ status }) => status !== 201);
    if (refused)
      expect(refusal(refused)).toMatchObject({ status: 409, message: expect.stringContaining(`at most ${limit}`) });
    expect((await list(producer)).ids).toHaveLength(limit);
    await remove(producer, 'first');
    expect((await add(producer, { device_id: 'again' })).status).toBe(201);
  });

  it.each([
    [{}, ['device_id']],
    [{ device_id: '' }, ['device_id']],
    [{ device_id: 'x'.repeat(129) }, ['device_id']],
    [{ device_id: 'a b' }, ['device_id']],
    [{ device_id: "x'; drop table devices" }, ['device_id']],
    [{ device_id: 7 }, ['device_id']],
    [{ device_id: 'ok', name: 'a\nb' }, ['name']],
    [{ device_id: 'ok', producer_id: '1' }, ['producer_id']],
  ])('are not made of %.60j', async (body, paths) => {
    const producer = await api.signUp('producer');
    expect(refusal(await add(producer, body))).toMatchObject({ status: 400, kind: 'invalid-request', paths });
  });

  it.each(['a%20b', '%00', '..%2f', 'x'.repeat(129)])('are not found at /devices/%.20s', async (id) => {
    expect(refusal(await remove(await api.signUp('producer'), id)).status).toBe(400);
  });

  it('are for producers', async () => {
    const [consumer, admin] = [await api.signUp('consumer'), await api.signUp('admin')];
    for (const { access_token: token } of [consumer, admin]) {
      for (const route of ['GET /devices', 'POST /devices', 'DELETE /devices/a']) {
        const body = route.startsWith('POST') ? { body: { device_id: 'a' } } : {};
        expect(refusal(await api.call(route, { token, ...body }))).toMatchObject({ status: 403, kind: 'forbidden' });
      }
    }
    expect(refusal(await api.call('GET /devices')).status).toBe(401);
  });
});
