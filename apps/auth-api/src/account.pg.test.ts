import { userSchema } from '@motience/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callApi, refusal } from '../../../tests/support/api-under-test.ts';
import { type AuthApi, password, startAuthApi } from './testing/start-auth-api.ts';

let api: AuthApi;
beforeAll(async () => {
  api = await startAuthApi({ REGISTERS_PER_MINUTE: '1000' });
});
afterAll(() => api.stop());

const changePassword = (token: string, current_password: string, new_password: string) =>
  api.call('PUT /me/password', { token, body: { current_password, new_password } });

describe('the own account', () => {
  it('is shown to whom it belongs', async () => {
    const { access_token, user } = await api.signUp('producer', { device_id: 'a', email: 'a@example.org' });
    expect(await api.call('GET /me', { token: access_token })).toMatchObject({ status: 200, json: user });
  });

  it('takes another name, of any script', async () => {
    const { access_token: token, user } = await api.signUp('consumer');
    const name = 'Größe 測定 "quoted" <b>';
    const reply = await api.call('PUT /me/name', { token, body: { name } });
    expect(userSchema.parse(reply.json)).toEqual({ ...user, name });
    expect((await api.call('GET /me', { token })).json).toEqual({ ...user, name });
  });

  it.each([[''], ['x'.repeat(201)], ['a\r\nb'], ['\ud800'], [null], [1], [undefined]])(
    'refuses %j as a name',
    async (name) => {
      const { access_token: token } = await api.signUp('consumer');
      expect(refusal(await api.call('PUT /me/name', { token, body: { name } }))).toMatchObject({
        status: 400,
        paths: ['name'],
      });
    },
  );

  it('is closed to others', async () => {
    for (const route of ['GET /me', 'PUT /me/name', 'PUT /me/password']) {
      expect(refusal(await api.call(route))).toMatchObject({ status: 401, kind: 'unauthenticated' });
    }
  });
});

describe('a password change', () => {
  it('puts the new password in the place of the old, and ends every session but the one it came from', async () => {
    const here = await api.signUp('consumer');
    const others = [await api.logIn(here.user.username), await api.logIn(here.user.username)];
    const reply = await changePassword(here.access_token, password, 'another password');
    expect(reply).toMatchObject({ status: 200, json: here.user });

    for (const other of others) {
      expect(refusal(await api.call('GET /me', { token: other.access_token })).kind).toBe('unauthenticated');
      const body = { refresh_token: other.refresh_token };
      expect(refusal(await api.call('POST /refresh', { body })).kind).toBe('unauthenticated');
      expect(await api.sessionIsProjected(other)).toBe(false);
    }
    expect((await api.call('GET /me', { token: here.access_token })).status).toBe(200);
    expect(await api.sessionIsProjected(here)).toBe(true);

    const old = await api.call('POST /login', { body: { username: here.user.username, password } });
    expect(refusal(old)).toMatchObject({ status: 401 });
    expect((await api.logIn(here.user.username, 'another password')).user).toEqual(here.user);
  });

  it('with a wrong current password is forbidden, changes nothing and counts as a failed login', async () => {
    const { access_token: token, user } = await api.signUp('consumer');
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect(refusal(await changePassword(token, 'not it', 'another password'))).toMatchObject({
        status: 403,
        kind: 'forbidden',
        paths: ['current_password'],
      });
    }
    expect(refusal(await changePassword(token, password, 'another password')).kind).toBe('rate-limited');
    const elsewhere = { body: { username: user.username, password }, headers: { 'x-forwarded-for': '203.0.113.9' } };
    expect((await api.call('POST /login', elsewhere)).status).toBe(200);
  });

  it('refuses a new password that is too short', async () => {
    const { access_token } = await api.signUp('consumer');
    expect(refusal(await changePassword(access_token, password, '123456'))).toMatchObject({
      status: 400,
      paths: ['new_password'],
    });
  });

  it('of two at the same time lets one through', async () => {
    const { access_token: token } = await api.signUp('consumer');
    const replies = await Promise.all([1, 2, 3].map((n) => changePassword(token, password, `new password ${n}`)));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 403, 403]);
  });
});

describe('passwords as long as configured', () => {
  it('are what registration and change ask for', async () => {
    const strict = await startAuthApi({ PASSWORD_MIN_LENGTH: '12' });
    const body = { username: 'strict', password: 'elevenchars', role: 'consumer' };
    const reply = await callApi(strict.url, 'POST /register', { body });
    await strict.stop();
    expect(refusal(reply).message).toBe('password: expected 12 to 256 characters');
  });
});
