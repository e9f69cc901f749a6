import { randomUUID } from 'node:crypto';
import { refreshTokens, sessions, users } from '@motience/database';
import { type Tokens, tokensSchema } from '@motience/protocol';
import { issueToken, secretSigningKey } from '@motience/tokens';
import { eq, sql } from 'drizzle-orm';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { jwtSecret, refusal } from '../../../tests/support/api-under-test.ts';
import { type AuthApi, claimsOf, password, sessionOf, startAuthApi } from './testing/start-auth-api.ts';

let api: AuthApi;
beforeAll(async () => {
  api = await startAuthApi({ REGISTERS_PER_MINUTE: '1000', FAILED_LOGINS_PER_ADDRESS_AND_MINUTE: '1000' });
});
afterAll(() => api.stop());

const refresh = (refresh_token: string) => api.call('POST /refresh', { body: { refresh_token } });
const refreshed = async (token: string): Promise<Tokens> => tokensSchema.parse((await refresh(token)).json);
const me = (token: string) => api.call('GET /me', { token });

/** Makes the spent tokens of a session look `seconds` older. */
const age = (tokens: Tokens, seconds: number) =>
  api.context.database.db
    .update(refreshTokens)
    .set({ spentAt: sql`spent_at - make_interval(secs => ${seconds})` })
    .where(eq(refreshTokens.sessionId, sessionOf(tokens.access_token)));

describe('POST /login', () => {
  it('answers a pair of tokens and the account, and the gateways know the session', async () => {
    const user = await api.register('producer', { username: 'Login.One', device_id: 'a' });
    const reply = await api.call('POST /login', { body: { username: 'login.one', password } });
    const tokens = tokensSchema.parse(reply.json);
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 3600, refresh_expires_in: 604_800, user });
    expect(claimsOf(tokens.access_token)).toMatchObject({
      iss: 'motience',
      aud: 'motience',
      sub: user.id,
      role: 'producer',
    });
    expect(tokens.refresh_token).toMatch(/^mrt_[\w-]{43}$/);
    expect(await api.sessionIsProjected(tokens)).toBe(true);
    expect(reply.headers.get('cache-control')).toBe('no-store');
  });

  it('stores no refresh token and logs none', async () => {
    const tokens = await api.signUp('consumer');
    const rows = await api.context.database.db.select().from(refreshTokens);
    expect(JSON.stringify(rows)).not.toContain(tokens.refresh_token.slice(4));
    expect(api.logged.join()).not.toContain(tokens.refresh_token.slice(4));
    expect(api.logged.join()).not.toContain(tokens.access_token.slice(0, 60));
  });

  it('refuses a wrong password and an unknown user in the very same words', async () => {
    const { username } = await api.register('consumer');
    const said = async (body: unknown) => {
      const { request_id: _, ...rest } = Object(Object((await api.call('POST /login', { body })).json).error);
      return rest;
    };
    const wrong = await said({ username, password: 'not the password' });
    expect(wrong).toEqual({ kind: 'unauthenticated', message: 'username or password is wrong' });
    for (const unknown of ['nobody-of-this-name', "' or 1=1 --", 'a\u0000b', '%', 'x\r\ny: z']) {
      expect(await said({ username: unknown, password })).toEqual(wrong);
    }
  });

  it('does not begin a session with a password that is changed while it is being checked', async () => {
    const { id, username } = await api.register('consumer');
    const { db, sql: driver } = api.context.database;
    const login = await db.transaction(async (tx) => {
      // Holds the account, so that the login waits where the change comes in between.
      await tx
        .select()
        .from(users)
        .where(eq(users.id, BigInt(id)))
        .for('update');
      const answer = api.call('POST /login', { body: { username, password } });
      await vi.waitFor(
        async () =>
          expect(
            await driver`
            select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          ).not.toHaveLength(0),
        {
          timeout: 30_000,
          interval: 20,
        },
      );
      await tx
        .update(users)
        .set({ passwordHash: 'another' })
        .where(eq(users.id, BigInt(id)));
      return { answer };
    });
    expect(refusal(await login.answer)).toMatchObject({ status: 401, kind: 'unauthenticated' });
    expect(await db.$count(sessions, eq(sessions.userId, BigInt(id)))).toBe(0);
  });

  it('does not take a lone surrogate for the character that replaces it', async () => {
    const { username } = await api.register('consumer', { password: 'abc\ufffddefg' });
    expect((await api.logIn(username, 'abc\ufffddefg')).user.username).toBe(username);
    const body = `{"username":"${username}","password":"abc\\ud800defg"}`;
    expect(refusal(await api.call('POST /login', { body }))).toMatchObject({ status: 401, kind: 'unauthenticated' });
  });

  it.each([
    [{ username: 'a' }, ['password']],
    [{ username: 1, password: {} }, ['username', 'password']],
    [{ username: 'a', password: 'x'.repeat(1025) }, ['password']],
    [{ username: 'a', password: 'b', role: 'admin' }, ['role']],
  ])('refuses %.60j and names the field', async (body, paths) => {
    expect(refusal(await api.call('POST /login', { body }))).toMatchObject({
      status: 400,
      kind: 'invalid-request',
      paths,
    });
  });
});

describe('POST /refresh', () => {
  it('answers a new pair of the same session, which then lasts longer', async () => {
    const first = await api.signUp('consumer');
    await api.context.database.db.update(sessions).set({ expiresAt: sql`now() + interval '1 hour'` });
    const second = await refreshed(first.refresh_token);
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(sessionOf(second.access_token)).toBe(sessionOf(first.access_token));
    expect((await me(second.access_token)).status).toBe(200);
    const rows = await api.context.database.db
      .select()
      .from(sessions)
      .where(eq(sessions.id, sessionOf(first.access_token)));
    expect(rows[0]?.expiresAt.getTime()).toBeGreaterThan(Date.now() + 6 * 86_400_000);
    expect(await refreshed(second.refresh_token)).not.toMatchObject({ refresh_token: second.refresh_token });
  });

  it('gives the very same answer to a token that comes again within 10 s, also when all come at once', async () => {
    const { refresh_token } = await api.signUp('consumer');
    const answers = await Promise.all(Array.from({ length: 6 }, () => refreshed(refresh_token)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    await age(answers[0] ?? (await refreshed(refresh_token)), 8);
    const later = await refreshed(refresh_token);
    expect(later.refresh_token).toBe(answers[0]?.refresh_token);
  });

  it('ends the session when a spent token comes again after that', async () => {
    const first = await api.signUp('consumer');
    const second = await refreshed(first.refresh_token);
    await age(first, 11);
    expect(refusal(await refresh(first.refresh_token))).toMatchObject({ status: 401, kind: 'unauthenticated' });
    expect(refusal(await refresh(second.refresh_token))).toMatchObject({ status: 401, kind: 'unauthenticated' });
    expect(refusal(await me(second.access_token))).toMatchObject({ status: 401, kind: 'unauthenticated' });
    expect(await api.sessionIsProjected(second)).toBe(false);
  });

  it('leaves other sessions of the account alone when it ends one', async () => {
    const first = await api.signUp('consumer');
    const other = await api.logIn(first.user.username);
    await refreshed(first.refresh_token);
    await age(first, 11);
    await refresh(first.refresh_token);
    expect((await me(other.access_token)).status).toBe(200);
  });

  it('refuses an expired token, without ending its session', async () => {
    const tokens = await api.signUp('consumer');
    await api.context.database.db
      .update(refreshTokens)
      .set({ expiresAt: sql`now() - interval '1 second'` })
      .where(eq(refreshTokens.sessionId, sessionOf(tokens.access_token)));
    expect(refusal(await refresh(tokens.refresh_token))).toMatchObject({ status: 401 });
    expect((await me(tokens.access_token)).status).toBe(200);
  });

  it('keeps a bounded number of spent tokens of a session', async () => {
    const tokens = await api.signUp('consumer');
    const sessionId = sessionOf(tokens.access_token);
    const spent = Array.from({ length: 700 }, (_, index) => ({
      tokenHash: `spent-${index}`,
      sessionId,
      expiresAt: new Date(Date.now() + 3_600_000),
      spentAt: new Date(Date.now() - 60_000 - index * 1000),
    }));
    await api.context.database.db.insert(refreshTokens).values(spent);
    await refreshed(tokens.refresh_token);
    expect(await api.context.database.db.$count(refreshTokens, eq(refreshTokens.sessionId, sessionId))).toBe(501);
  });

  it.each([['an access token'], ['nonsense'], ['mrt_']])('refuses %s', async (what) => {
    const token = what === 'an access token' ? (await api.signUp('consumer')).access_token : what;
    expect(refusal(await refresh(token))).toMatchObject({ status: 401, kind: 'unauthenticated' });
  });

  it('refuses a body without it', async () => {
    expect(refusal(await api.call('POST /refresh', { body: {} }))).toMatchObject({
      status: 400,
      paths: ['refresh_token'],
    });
  });
});

describe('POST /logout', () => {
  it('ends this session, its tokens and its right to stream, and no other', async () => {
    const here = await api.signUp('consumer');
    const there = await api.logIn(here.user.username);
    expect(await api.call('POST /logout', { token: here.access_token })).toMatchObject({
      status: 204,
      json: undefined,
    });
    expect(refusal(await me(here.access_token))).toMatchObject({ status: 401, kind: 'unauthenticated' });
    expect(refusal(await refresh(here.refresh_token))).toMatchObject({ status: 401 });
    expect(await api.sessionIsProjected(here)).toBe(false);
    expect((await me(there.access_token)).status).toBe(200);
    expect(await api.sessionIsProjected(there)).toBe(true);
    // Ended sessions are deleted by when they expire, so that logging in and out does not pile them up for days.
    const { db } = api.context.database;
    const [ended] = await db
      .select()
      .from(sessions)
      .where(eq(sessions.id, sessionOf(here.access_token)));
    expect(ended?.expiresAt.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('also ends the grace of a token that was spent a moment before', async () => {
    const first = await api.signUp('consumer');
    const second = await refreshed(first.refresh_token);
    await api.call('POST /logout', { token: second.access_token });
    expect(refusal(await refresh(first.refresh_token))).toMatchObject({ status: 401, kind: 'unauthenticated' });
  });
});

describe('an access token', () => {
  const forge = async (tokens: Tokens, claims: Record<string, unknown>, header: Record<string, string> = {}) =>
    new SignJWT({ ...claimsOf(tokens.access_token), ...claims })
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...header })
      .sign(new TextEncoder().encode(jwtSecret));

  it('is refused as expired, once it is', async () => {
    const tokens = await api.signUp('consumer');
    const past = Math.floor(Date.now() / 1000) - 10;
    expect(refusal(await me(await forge(tokens, { exp: past })))).toMatchObject({ status: 401, kind: 'token-expired' });
  });

  it('is refused when tampered with, unsigned, of another type, or a refresh token', async () => {
    const tokens = await api.signUp('consumer');
    const [header = '', payload = '', signature = ''] = tokens.access_token.split('.');
    const admin = Buffer.from(JSON.stringify({ ...claimsOf(tokens.access_token), role: 'admin' })).toString(
      'base64url',
    );
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    const bad = [
      `${header}.${admin}.${signature}`,
      `${none}.${payload}.`,
      await forge(tokens, {}, { typ: 'JWT' }),
      await forge(tokens, { aud: 'other' }),
      tokens.refresh_token,
    ];
    for (const token of bad) expect(refusal(await me(token))).toMatchObject({ status: 401, kind: 'unauthenticated' });
    const ours = await forge(tokens, {});
    expect((await me(ours)).status).toBe(200);
  });

  it('is refused for a session that never was, or is of another account', async () => {
    const tokens = await api.signUp('consumer');
    const other = await api.signUp('consumer');
    expect(refusal(await me(await forge(tokens, { sid: randomUUID() }))).kind).toBe('unauthenticated');
    expect(refusal(await me(await forge(tokens, { sub: other.user.id }))).kind).toBe('unauthenticated');
  });

  it('is asked for in the header, and nowhere else', async () => {
    const { access_token } = await api.signUp('consumer');
    expect(refusal(await api.call(`GET /me?token=${access_token}`))).toMatchObject({
      status: 401,
      kind: 'unauthenticated',
    });
    for (const authorization of ['', 'Basic YTpi', 'Bearer', `Bearer ${access_token} x`, access_token]) {
      const reply = await api.call('GET /me', { headers: { authorization } });
      expect(refusal(reply).status).toBe(401);
      expect(reply.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('of an account that has gone is refused', async () => {
    const subject = { accountId: '999999', role: 'admin' as const, sessionId: randomUUID() };
    const token = await issueToken(secretSigningKey(jwtSecret), subject, 60);
    for (const route of ['GET /me', 'GET /consumers', 'POST /logout']) {
      expect(refusal(await api.call(route, { token }))).toMatchObject({ status: 401, kind: 'unauthenticated' });
    }
  });
});
