import { devices, users } from '@motience/database';
import { userSchema } from '@motience/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal } from '../../../tests/support/api-under-test.ts';
import { type AuthApi, password, startAuthApi } from './testing/start-auth-api.ts';

let api: AuthApi;
beforeAll(async () => {
  api = await startAuthApi({ REGISTERS_PER_MINUTE: '1000' });
});
afterAll(() => api.stop());

const register = (fields: Record<string, unknown>) =>
  api.call('POST /register', { body: { username: 'someone', password, role: 'consumer', ...fields } });

describe('POST /register', () => {
  it('takes what the reference prints, and makes the device the first of the producer', async () => {
    const reply = await api.call('POST /register', {
      body: '{"username":"producer1","password":"pass123","role":"producer","device_id":"rpi_001"}',
    });
    expect(reply.status).toBe(201);
    const user = userSchema.parse(reply.json);
    expect(user).toMatchObject({
      username: 'producer1',
      role: 'producer',
      device_id: 'rpi_001',
      email: null,
      name: null,
    });
    expect(await api.context.database.db.select().from(devices)).toMatchObject([
      { producerId: BigInt(user.id), deviceId: 'rpi_001' },
    ]);
    expect(await api.rights.has({ kind: 'device', accountId: user.id, item: 'rpi_001' })).toBe(true);
  });

  it('shows neither the password nor its hash, and stores it as argon2id', async () => {
    const reply = await register({
      username: 'careful',
      password: 'a password of mine',
      email: 'a@example.org',
      name: 'Ä',
    });
    expect(JSON.stringify(reply.json)).not.toMatch(/password|argon2/);
    expect(userSchema.parse(reply.json)).toMatchObject({ email: 'a@example.org', name: 'Ä' });
    const rows = await api.context.database.db.select().from(users);
    const hash = rows.find(({ username }) => username === 'careful')?.passwordHash;
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(api.logged.join()).not.toContain('a password of mine');
  });

  it('refuses a name that is taken, in any case of its letters', async () => {
    expect((await register({ username: 'Taken' })).status).toBe(201);
    expect(refusal(await register({ username: 'tAKEN' }))).toMatchObject({ status: 409, kind: 'conflict' });
  });

  it('gives a name to one of those who ask for it at the same time', async () => {
    const replies = await Promise.all(Array.from({ length: 8 }, () => register({ username: 'wanted' })));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409, 409, 409]);
  });

  it.each([
    ['nobody', { username: undefined }, ['username']],
    ['a number for a name', { username: 12345 }, ['username']],
    ['a short name', { username: 'ab' }, ['username']],
    ['a long name', { username: 'a'.repeat(65) }, ['username']],
    ['a name with SQL in it', { username: "x'; drop table users; --" }, ['username']],
    ['a name with a header in it', { username: 'abc\r\nset-cookie: a=b' }, ['username']],
    ['a name of other letters', { username: 'рroducer' }, ['username']],
    ['a short password', { password: '123456' }, ['password']],
    ['a long password', { password: 'x'.repeat(257) }, ['password']],
    ['an object for a password', { password: {} }, ['password']],
    ['a lone surrogate in the password', { password: 'passw\ud800rd' }, ['password']],
    ['an admin', { role: 'admin' }, ['role']],
    ['no role', { role: undefined }, ['role']],
    ['a device of a consumer', { device_id: 'rpi_001' }, ['device_id']],
    ['a device with a slash', { role: 'producer', device_id: 'a/b' }, ['device_id']],
    ['no device but null', { role: 'producer', device_id: null }, ['device_id']],
    ['no e-mail address', { email: 'nobody' }, ['email']],
    ['an e-mail address with a header', { email: 'a@example.org\r\nbcc: b@example.org' }, ['email']],
    ['control characters in the displayed name', { name: 'a\u0000b' }, ['name']],
    ['a lone surrogate in the displayed name', { name: 'a\udfff' }, ['name']],
    ['a field nobody knows', { is_admin: true }, ['is_admin']],
    ['an id of its own', { id: '1' }, ['id']],
    ['several mistakes at once', { username: '', password: '', role: 'king' }, ['username', 'password', 'role']],
  ])('refuses %s and names the field', async (_what, fields, paths) => {
    expect(refusal(await register(fields))).toMatchObject({
      status: 400,
      kind: 'invalid-request',
      paths,
    });
  });

  it('has made no account of what it refused', async () => {
    expect((await api.context.database.db.select().from(users)).map(({ username }) => username)).not.toContain(
      'someone',
    );
  });

  it('is not confused by __proto__', async () => {
    const body = `{"username":"proto","password":"${password}","role":"consumer","__proto__":{"role":"admin"}}`;
    const reply = await api.call('POST /register', { body });
    if (reply.status === 201) expect(userSchema.parse(reply.json).role).toBe('consumer');
    else expect(refusal(reply).kind).toBe('invalid-request');
    expect(Object.hasOwn(Object.prototype, 'role')).toBe(false);
  });

  it('refuses what is no JSON object, other media, large bodies and other methods', async () => {
    for (const body of ['{"username"', '[]', 'null', '"text"', '[[[[]]]]', '{"username":"a"}{}']) {
      expect(refusal(await api.call('POST /register', { body }))).toMatchObject({ status: 400 });
    }
    const form = { body: 'username=a&password=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    expect(refusal(await api.call('POST /register', form))).toMatchObject({ status: 415, kind: 'unsupported-media' });
    expect(refusal(await register({ name: 'x'.repeat(70_000) }))).toMatchObject({ status: 413, kind: 'too-large' });
    const get = await api.call('GET /register');
    expect(refusal(get)).toMatchObject({ status: 405, kind: 'method-not-allowed' });
    expect(get.headers.get('allow')).toBe('POST');
  });
});

describe('the rest of the service', () => {
  it('is ready, described and documented', async () => {
    expect(await api.call('GET /ready')).toMatchObject({ status: 200, json: { parts: { postgres: { ok: true } } } });
    const { json } = await api.call('GET /openapi.json');
    const paths = ['/register', '/login', '/refresh', '/logout', '/me', '/me/name', '/me/password', '/producers'];
    for (const path of [...paths, '/consumers', '/devices', '/devices/{device_id}', '/.well-known/jwks.json']) {
      expect(json).toHaveProperty(['paths', path]);
    }
  });
});
