import { migrateDatabase, rightsOutbox } from '@motience/database';
import { type PrivateEngine, startPrivatePostgres, startPrivateRedis } from '@motience/engines/testing';
import { tokensSchema } from '@motience/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { refusal } from '../../../tests/support/api-under-test.ts';
import { type AuthApi, password, startAuthApi } from './testing/start-auth-api.ts';

let api: AuthApi;
let engine: PrivateEngine;
afterEach(async () => {
  await api.stop();
  await engine.close();
});

describe('while Redis is away', () => {
  it('accounts, logins and limits go on, readiness names it, and rights reach it once it is back', async () => {
    engine = await startPrivateRedis();
    api = await startAuthApi({ REDIS_URL: engine.url, FAILED_LOGINS_PER_ACCOUNT_AND_MINUTE: '2' });
    api.context.start();
    await engine.kill();

    const { username } = await api.register('producer', { device_id: 'a' });
    const tokens = await api.logIn(username);
    expect((await api.call('GET /me', { token: tokens.access_token })).status).toBe(200);
    const refreshed = await api.call('POST /refresh', { body: { refresh_token: tokens.refresh_token } });
    expect(tokensSchema.parse(refreshed.json).user.username).toBe(username);
    const wrong = { body: { username, password: 'wrong' } };
    for (const status of [401, 401, 429]) expect((await api.call('POST /login', wrong)).status).toBe(status);
    expect(await api.call('GET /ready')).toMatchObject({
      status: 503,
      json: { status: 'unavailable', parts: { postgres: { ok: true }, redis: { ok: false } } },
    });
    expect(await api.context.database.db.$count(rightsOutbox)).toBeGreaterThan(0);

    await engine.restart();
    await vi.waitFor(async () => expect(await api.context.database.db.$count(rightsOutbox)).toBe(0), {
      timeout: 30_000,
      interval: 50,
    });
    await vi.waitFor(async () => expect((await api.call('GET /ready')).status).toBe(200), {
      timeout: 30_000,
      interval: 50,
    });
  });
});

describe('while PostgreSQL is away', () => {
  it('everything that needs it is unavailable with a wait, readiness names it, and it comes back by itself', async () => {
    engine = await startPrivatePostgres();
    await migrateDatabase(engine.url);
    api = await startAuthApi({ DATABASE_URL: engine.url });
    const { access_token: token, user, refresh_token } = await api.signUp('producer');
    await engine.stop();

    const calls = [
      ['POST /register', { body: { username: 'another', password, role: 'consumer' } }],
      ['POST /login', { body: { username: user.username, password } }],
      ['POST /refresh', { body: { refresh_token } }],
      ['GET /me', { token }],
      ['POST /devices', { token, body: { device_id: 'a' } }],
      ['GET /producers', { token }],
    ] as const;
    for (const [route, options] of calls) {
      const reply = await api.call(route, options);
      expect(refusal(reply)).toMatchObject({ status: 503, kind: 'unavailable' });
      expect(reply.headers.get('retry-after')).toBe('2');
    }
    expect((await api.call('GET /health')).status).toBe(200);
    expect(await api.call('GET /ready')).toMatchObject({
      status: 503,
      json: { parts: { postgres: { ok: false }, redis: { ok: true } } },
    });
    expect(api.logged.join()).not.toContain(password);

    await engine.restart();
    await vi.waitFor(async () => expect((await api.call('GET /ready')).status).toBe(200), {
      timeout: 30_000,
      interval: 50,
    });
    expect((await api.call('GET /me', { token })).status).toBe(200);
  });
});
