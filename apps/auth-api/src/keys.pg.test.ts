import { apiKeys } from '@motience/database';
import {
  apiKeySchema,
  type CreatedKey,
  createdKeySchema,
  keyScopes,
  pageSchema,
  type Tokens,
} from '@motience/protocol';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal } from '../../../tests/support/api-under-test.ts';
import { noteKeyUses } from './services/note-key-uses.ts';
import { purgeAll } from './services/purge-sessions.ts';
import { type AuthApi, password, startAuthApi } from './testing/start-auth-api.ts';

const keysPerAccount = 4;

let api: AuthApi;
beforeAll(async () => {
  api = await startAuthApi({ KEYS_PER_ACCOUNT: String(keysPerAccount) });
});
afterAll(() => api.stop());

const makeKey = (by: Tokens, scopes: string[], more: object = {}) =>
  api.call('POST /keys', { token: by.access_token, body: { name: 'Dashboard', scopes, ...more } });
async function madeKey(by: Tokens, scopes: string[], more: object = {}): Promise<CreatedKey> {
  const reply = await makeKey(by, scopes, more);
  expect(reply.status).toBe(201);
  return createdKeySchema.parse(reply.json);
}
async function keysOf({ access_token: token }: Tokens) {
  return pageSchema(apiKeySchema).parse((await api.call('GET /keys', { token })).json).items;
}
const revoke = ({ access_token: token }: Tokens, { id }: { id: string }) => api.call(`DELETE /keys/${id}`, { token });
const isProjected = ({ user }: Tokens, { id }: { id: string }) =>
  api.rights.has({ kind: 'session', accountId: user.id, item: id });

describe('POST /keys', () => {
  it('shows the key once; what is kept is a hash of it, and gateways know it by the reply', async () => {
    const consumer = await api.signUp('consumer');
    const created = await madeKey(consumer, ['stream:receive', 'billing', 'billing']);
    const { key, ...shown } = created;
    expect(key).toMatch(/^mk_[0-9a-f]{32}_[\w-]{43}$/);
    expect(key.startsWith(shown.prefix)).toBe(true);
    expect(shown).toMatchObject({
      name: 'Dashboard',
      scopes: ['stream:receive', 'billing'],
      expires_at: null,
      last_used_at: null,
      revoked_at: null,
    });
    expect(await keysOf(consumer)).toEqual([shown]);
    const [row] = await api.context.database.db.select().from(apiKeys).where(eq(apiKeys.id, shown.id));
    const secret = key.slice(-43);
    expect(JSON.stringify(row, (_name, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
      secret,
    );
    expect(await isProjected(consumer, created)).toBe(true);
    await api.call('GET /me', { token: key });
    expect(api.logged.join('\n')).not.toContain(secret);
  });

  it.each([
    ['no scope', { scopes: [] }, ['scopes']],
    ['an unknown scope', { scopes: ['billing', 'everything'] }, ['scopes.1']],
    ['a scope of producers', { scopes: ['billing', 'stream:send'] }, ['scopes.1']],
    ['no name', { scopes: ['billing'], name: '' }, ['name']],
    ['an expiry that has passed', { scopes: ['billing'], expires_at: '2020-01-01T00:00:00Z' }, ['expires_at']],
    ['an expiry far away', { scopes: ['billing'], expires_at: '9999-01-01T00:00:00Z' }, ['expires_at']],
    ['an expiry that is none', { scopes: ['billing'], expires_at: 'tomorrow' }, ['expires_at']],
    ['an unknown field', { scopes: ['billing'], key: 'mk_' }, ['key']],
  ])('refuses %s and names the field', async (_what, body, paths) => {
    const { access_token: token } = await api.signUp('consumer');
    const reply = await api.call('POST /keys', { token, body: { name: 'any', ...body } });
    expect(refusal(reply)).toMatchObject({ status: 400, kind: 'invalid-request', paths });
  });

  it('keeps to the number of keys of an account, however many come at once; revoked ones do not count', async () => {
    const producer = await api.signUp('producer');
    const replies = await Promise.all(
      Array.from({ length: keysPerAccount + 3 }, () => makeKey(producer, ['stream:send'])),
    );
    const made = replies.filter(({ status }) => status === 201);
    expect(made).toHaveLength(keysPerAccount);
    for (const reply of replies.filter(({ status }) => status !== 201)) {
      expect(refusal(reply)).toMatchObject({ status: 409, message: expect.stringContaining(`${keysPerAccount}`) });
    }
    expect((await revoke(producer, createdKeySchema.parse(made[0]?.json))).status).toBe(204);
    await madeKey(producer, ['stream:send']);
  });

  it('is not for admins', async () => {
    expect(refusal(await makeKey(await api.signUp('admin'), ['billing']))).toMatchObject({ status: 403 });
  });
});

describe('an API key', () => {
  it('is taken for what its scopes say, and for nothing else: 403 that names the scope', async () => {
    const producer = await api.signUp('producer');
    const reader = await madeKey(producer, ['account:read']);
    expect(await api.call('GET /me', { token: reader.key })).toMatchObject({
      status: 200,
      json: { id: producer.user.id },
    });
    expect((await api.call('GET /consumers', { token: reader.key })).status).toBe(200);
    const refused = refusal(await api.call('POST /devices', { token: reader.key, body: { device_id: 'd' } }));
    expect(refused).toMatchObject({
      status: 403,
      kind: 'forbidden',
      message: expect.stringContaining('scope devices'),
    });
    const devices = await madeKey(producer, ['devices']);
    expect((await api.call('POST /devices', { token: devices.key, body: { device_id: 'd' } })).status).toBe(201);
    expect(refusal(await api.call('GET /me', { token: devices.key })).message).toContain('account:read');
  });

  it('makes no keys, ends none, and changes neither name nor password, whatever its scopes', async () => {
    const consumer = await api.signUp('consumer');
    const all = Object.entries(keyScopes).flatMap(([scope, roles]) =>
      roles.some((role) => role === 'consumer') ? [scope] : [],
    );
    const { key: token, id } = await madeKey(consumer, all);
    for (const [route, body] of [
      ['POST /keys', { name: 'more', scopes: ['billing'] }],
      ['GET /keys', undefined],
      [`DELETE /keys/${id}`, undefined],
      ['PUT /me/password', { current_password: password, new_password: 'another one' }],
      ['PUT /me/name', { name: 'Other' }],
      ['POST /logout', undefined],
    ] as const) {
      expect(refusal(await api.call(route, { token, body }))).toMatchObject({ status: 403, kind: 'forbidden' });
    }
    expect(await keysOf(consumer)).toMatchObject([{ revoked_at: null }]);
    await api.logIn(consumer.user.username);
  });

  it('is refused the same whether it was revoked or never was', async () => {
    const consumer = await api.signUp('consumer');
    const created = await madeKey(consumer, ['account:read']);
    expect((await revoke(consumer, created)).status).toBe(204);
    expect(await isProjected(consumer, created)).toBe(false);
    expect(await keysOf(consumer)).toMatchObject([{ revoked_at: expect.any(String) }]);
    expect((await revoke(consumer, created)).status).toBe(204);
    const never = `mk_${'0'.repeat(32)}_${'A'.repeat(43)}`;
    const [revoked, unknown] = [created.key, never].map((token) => api.call('GET /me', { token }));
    expect(refusal(await (revoked ?? Promise.reject()))).toEqual(refusal(await (unknown ?? Promise.reject())));
    expect(refusal(await api.call('GET /me', { token: never }))).toMatchObject({
      status: 401,
      kind: 'unauthenticated',
    });
  });

  it("is nobody else's to see or to revoke", async () => {
    const [consumer, other] = [await api.signUp('consumer'), await api.signUp('consumer')];
    const created = await madeKey(consumer, ['billing']);
    expect(await keysOf(other)).toEqual([]);
    expect(refusal(await revoke(other, created))).toMatchObject({ status: 404, kind: 'not-found' });
    expect(refusal(await revoke(other, { id: 'x' }))).toMatchObject({ status: 400, paths: ['id'] });
    expect(await isProjected(consumer, created)).toBe(true);
  });

  it('lasts when its owner logs out or changes the password', async () => {
    const consumer = await api.signUp('consumer');
    const { key: token } = await madeKey(consumer, ['account:read']);
    const change = { current_password: password, new_password: 'another one' };
    await api.call('PUT /me/password', { token: consumer.access_token, body: change });
    await api.call('POST /logout', { token: consumer.access_token });
    expect((await api.call('GET /me', { token })).status).toBe(200);
  });

  it('that gateways saw is noted as used', async () => {
    const consumer = await api.signUp('consumer');
    const { id } = await madeKey(consumer, ['stream:receive']);
    const at = Date.now() - 5_000;
    await api.rights.noteApiKeyUse(id, at - 60_000);
    await api.rights.noteApiKeyUse(id, at);
    await noteKeyUses(api.context.database, api.rights);
    expect(await keysOf(consumer)).toMatchObject([{ last_used_at: new Date(at).toISOString() }]);
    expect(await api.rights.takeUsedApiKeys(10)).toEqual([]);
  });

  it('is deleted a day after it ended', async () => {
    const consumer = await api.signUp('consumer');
    const [revoked, expired, fresh] = [
      await madeKey(consumer, ['billing']),
      await madeKey(consumer, ['billing']),
      await madeKey(consumer, ['billing']),
    ];
    const { db } = api.context.database;
    const longAgo = new Date(Date.now() - 25 * 3_600_000);
    await revoke(consumer, fresh);
    await db.update(apiKeys).set({ revokedAt: longAgo }).where(eq(apiKeys.id, revoked.id));
    await db.update(apiKeys).set({ expiresAt: longAgo }).where(eq(apiKeys.id, expired.id));
    await purgeAll(api.context.database, () => false);
    expect((await keysOf(consumer)).map(({ id }) => id)).toEqual([fresh.id]);
  });
});
