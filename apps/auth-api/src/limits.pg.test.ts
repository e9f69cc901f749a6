import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ApiReply, refusal } from '../../../tests/support/api-under-test.ts';
import { type AuthApi, password, startAuthApi } from './testing/start-auth-api.ts';

let api: AuthApi;
afterEach(() => api.stop());

const from = (address: string) => ({ 'x-forwarded-for': address });
const logIn = (username: string, withPassword: string, address = '203.0.113.1') =>
  api.call('POST /login', { body: { username, password: withPassword }, headers: from(address) });

function expectLimited(reply: ApiReply, limit: string): void {
  expect(refusal(reply)).toMatchObject({ status: 429, kind: 'rate-limited', message: expect.stringContaining(limit) });
  const wait = Number(reply.headers.get('retry-after'));
  expect(wait).toBeGreaterThanOrEqual(1);
  expect(wait).toBeLessThanOrEqual(60);
}

/** Takes the only place in which passwords are hashed; returns what gives it back. */
async function holdPlace(): Promise<() => Promise<void>> {
  let end = () => {};
  const client = { address: 'test', signal: new AbortController().signal };
  const held = api.context.passwords.withPlace(client, () => new Promise<void>((resolve) => (end = resolve)));
  return () => {
    end();
    return held;
  };
}

describe('limits', () => {
  it('let an address register so often per minute, told with the limit and the wait', async () => {
    api = await startAuthApi();
    const register = (n: number, address: string) =>
      api.call('POST /register', {
        body: { username: `user${n}`, password, role: 'consumer' },
        headers: from(address),
      });
    const replies = await Promise.all(Array.from({ length: 32 }, (_, n) => register(n, '203.0.113.1')));
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(30);
    const refused = replies.find(({ status }) => status !== 201);
    if (refused) expectLimited(refused, '30 registrations');
    expect((await register(40, '203.0.113.2')).status).toBe(201);
    // All of a customer's IPv6 network counts as one address.
    await Promise.all(Array.from({ length: 30 }, (_, n) => register(100 + n, `2001:db8:1:2::${n}`)));
    expectLimited(await register(200, '2001:db8:1:2:ffff::1'), '30 registrations');
  });

  it('let an account fail to log in ten times per minute from an address; then even the right password waits', async () => {
    api = await startAuthApi();
    const { username } = await api.register('consumer');
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect(refusal(await logIn(attempt % 2 ? username : username.toUpperCase(), 'wrong')).kind).toBe(
        'unauthenticated',
      );
    }
    expectLimited(await logIn(username, password), '10 failed logins per account');
    expect((await logIn(username, password, '203.0.113.2')).status).toBe(200);
  });

  it('cannot be passed by failing all at once', async () => {
    api = await startAuthApi({ PASSWORD_HASHES_AT_ONCE: '2' });
    const { username } = await api.register('consumer');
    const replies = await Promise.all(Array.from({ length: 25 }, () => logIn(username, 'wrong')));
    expect(replies.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(15);
  });

  it('hold for the right password too, when it hides among wrong ones sent at the same time', async () => {
    api = await startAuthApi({ PASSWORD_HASHES_AT_ONCE: '1' });
    const { username } = await api.register('consumer');
    const { passwords } = api.context;
    const release = await holdPlace();
    // None of them has failed yet when the right one joins their line, behind all of them.
    const wrong = Array.from({ length: 12 }, () => logIn(username, 'wrong'));
    await vi.waitFor(() => expect(passwords.waiting).toBe(12), { timeout: 30_000 });
    const right = logIn(username, password);
    await vi.waitFor(() => expect(passwords.waiting).toBe(13), { timeout: 30_000 });
    await release();
    expect((await Promise.all(wrong)).filter(({ status }) => status === 401)).toHaveLength(10);
    expectLimited(await right, '10 failed logins per account');
  });

  it('let an address fail so often, whatever the accounts', async () => {
    api = await startAuthApi({ FAILED_LOGINS_PER_ADDRESS_AND_MINUTE: '3' });
    for (const name of ['nobody-a', 'nobody-b', 'nobody-c']) expect((await logIn(name, 'wrong')).status).toBe(401);
    expectLimited(await logIn('nobody-d', 'wrong'), '3 failed logins per address');
  });

  it('count no successful login', async () => {
    api = await startAuthApi({ FAILED_LOGINS_PER_ACCOUNT_AND_MINUTE: '1', FAILED_LOGINS_PER_ADDRESS_AND_MINUTE: '1' });
    const { username } = await api.register('consumer');
    const replies = await Promise.all(Array.from({ length: 12 }, () => logIn(username, password)));
    expect(replies.map(({ status }) => status)).toEqual(Array(12).fill(200));
  });

  it('let an address refresh so often', async () => {
    api = await startAuthApi({ REFRESHES_PER_MINUTE: '2' });
    let { refresh_token } = await api.signUp('consumer');
    const refresh = () => api.call('POST /refresh', { body: { refresh_token }, headers: from('203.0.113.1') });
    for (let n = 0; n < 2; n += 1) refresh_token = Object(await refresh()).json.refresh_token;
    expectLimited(await refresh(), '2 refreshes');
  });

  it('let an account add and remove so many devices, and the refused change is not made', async () => {
    api = await startAuthApi({ DEVICE_CHANGES_PER_MINUTE: '3' });
    const [{ access_token: token }, other] = [await api.signUp('producer'), await api.signUp('producer')];
    const add = (device_id: string, as = token) => api.call('POST /devices', { token: as, body: { device_id } });
    for (const id of ['a', 'b']) expect((await add(id)).status).toBe(201);
    // What changes nothing is free.
    for (let n = 0; n < 5; n += 1) expect((await add('a')).status).toBe(409);
    expect((await api.call('DELETE /devices/b', { token })).status).toBe(204);
    expectLimited(await add('c'), '3 changes of devices per account');
    expectLimited(await api.call('DELETE /devices/a', { token }), '3 changes of devices per account');
    expect((await api.call('GET /devices', { token })).json).toMatchObject({ items: [{ device_id: 'a' }] });
    expect((await add('c', other.access_token)).status).toBe(201);
  });

  it('end the oldest session of an account that logs in too often', async () => {
    api = await startAuthApi({ SESSIONS_PER_ACCOUNT: '2' });
    const oldest = await api.signUp('consumer');
    const others = [await api.logIn(oldest.user.username), await api.logIn(oldest.user.username)];
    expect((await api.call('GET /me', { token: oldest.access_token })).status).toBe(401);
    expect(await api.sessionIsProjected(oldest)).toBe(false);
    for (const { access_token: token } of others) expect((await api.call('GET /me', { token })).status).toBe(200);
  });

  it('let one address have only a quarter of the passwords that wait to be checked', async () => {
    api = await startAuthApi({ PASSWORD_HASHES_AT_ONCE: '1', PASSWORD_HASHES_WAITING: '8' });
    const { username } = await api.register('consumer');
    const flood = Array.from({ length: 12 }, (_, n) => logIn(`nobody-${n}`, 'wrong', '203.0.113.7'));
    const right = logIn(username, password, '203.0.113.8');
    const limited = (await Promise.all(flood)).filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThanOrEqual(1);
    for (const reply of limited) expectLimited(reply, 'more than 2 passwords of one address');
    expect((await right).status).toBe(200);
  });

  it('compute no hash for logins and registrations whose client has gone', async () => {
    api = await startAuthApi({ PASSWORD_HASHES_AT_ONCE: '1' });
    const { username } = await api.register('consumer');
    const { passwords } = api.context;
    const release = await holdPlace();
    const flood = new AbortController();
    const abandoned = Promise.allSettled(
      Array.from({ length: 12 }, (_, n) =>
        fetch(api.url + (n % 2 ? '/login' : '/register'), {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...from(`203.0.113.${n}`) },
          body: JSON.stringify({ username: `nobody-${n}`, password, ...(n % 2 ? {} : { role: 'consumer' }) }),
          signal: flood.signal,
        }),
      ),
    );
    await vi.waitFor(() => expect(passwords.waiting).toBe(12), { timeout: 30_000 });
    flood.abort();
    await abandoned;
    // Sooner than any of them would have waited too long.
    await vi.waitFor(() => expect(passwords.waiting).toBe(0), { timeout: 30_000 });
    await release();
    expect((await logIn(username, password)).status).toBe(200);
    expect(api.logged.filter((line) => line.includes('has gone'))).toEqual([]);
  });

  it('tell who comes while too many passwords wait to be checked that it is unavailable', async () => {
    api = await startAuthApi({ PASSWORD_HASHES_AT_ONCE: '1', PASSWORD_HASHES_WAITING: '2' });
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, n) => logIn(`nobody-${n}`, 'wrong', `203.0.113.${n}`)),
    );
    const refused = replies.filter(({ status }) => status === 503);
    expect(replies.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(3);
    expect(refused.length).toBeGreaterThanOrEqual(1);
    expect(refused[0] && refusal(refused[0]).kind).toBe('unavailable');
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    expect((await logIn('nobody', 'wrong')).status).toBe(401);
  });
});
