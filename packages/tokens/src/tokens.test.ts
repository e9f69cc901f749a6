import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createTokenVerifier,
  deriveSecret,
  issueToken,
  loadOrCreateKeyFile,
  publicKeys,
  type SigningKey,
  secretSigningKey,
  verifierFor,
} from './index.ts';

const secret = 'a secret of more than thirty-two bytes';
const subject = { accountId: '42', role: 'producer' as const, sessionId: randomUUID() };
const now = () => Math.floor(Date.now() / 1000);

/** A token like ours except for what a test changes. */
function forge(claims: Record<string, unknown> = {}, header: { alg?: string; typ?: string } = {}, signedWith = secret) {
  return new SignJWT({
    iss: 'motience',
    aud: 'motience',
    sub: '42',
    role: 'producer',
    sid: subject.sessionId,
    jti: randomUUID(),
    iat: now(),
    exp: now() + 60,
    ...claims,
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...header })
    .sign(new TextEncoder().encode(signedWith));
}

const kindOf = async (key: SigningKey, token: string) => {
  const result = await verifierFor(key)(token);
  return result.ok ? 'ok' : result.refusal.kind;
};

describe('a token under a secret', () => {
  const key = secretSigningKey(secret);

  it('names its account, role and session once verified', async () => {
    const result = await verifierFor(key)(await issueToken(key, subject, 60));
    expect(result).toMatchObject({ ok: true, claims: { sub: '42', role: 'producer', sid: subject.sessionId } });
    if (result.ok) expect(result.claims.exp - result.claims.iat).toBe(60);
  });

  it('passes when it is forged with nothing changed, so that the next tests can mean something', async () => {
    expect(await kindOf(key, await forge())).toBe('ok');
  });

  it.each([
    ['another issuer', { iss: 'someone' }, {}],
    ['another audience', { aud: 'someone' }, {}],
    ['another type', {}, { typ: 'JWT' }],
    ['another algorithm', {}, { alg: 'HS384' }],
    ['an account that is no id', { sub: '1 or 1=1' }, {}],
    ['an unknown role', { role: 'root' }, {}],
    ['no session', { sid: undefined }, {}],
    ['no expiry', { exp: undefined }, {}],
    ['an expiry that is no number', { exp: 'never' }, {}],
  ])('is refused with %s', async (_what, claims, header) => {
    expect(await kindOf(key, await forge(claims, header))).toBe('unauthenticated');
  });

  it('is refused when signed with another secret', async () => {
    expect(await kindOf(key, await forge({}, {}, 'another secret of more than thirty-two bytes'))).toBe(
      'unauthenticated',
    );
  });

  it('is refused as expired, not as invalid, after its time', async () => {
    expect(await kindOf(key, await forge({ iat: now() - 120, exp: now() - 60 }))).toBe('token-expired');
  });

  it('is refused with alg none', async () => {
    const [, payload] = (await forge()).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url');
    expect(await kindOf(key, `${header}.${payload}.`)).toBe('unauthenticated');
  });

  it('is refused when one bit of its claims changes', async () => {
    const [header, payload, signature] = (await forge()).split('.');
    const admin = Buffer.from(payload ?? '', 'base64url')
      .toString()
      .replace('producer', 'consumer');
    const tampered = `${header}.${Buffer.from(admin).toString('base64url')}.${signature}`;
    expect(await kindOf(key, tampered)).toBe('unauthenticated');
  });

  it.each(['', 'x', 'a.b.c', 'mrt_abc', '..', 'é.é.é', 'x'.repeat(100_000)])('is not %.20j', async (text) => {
    expect(await kindOf(key, text)).toBe('unauthenticated');
  });

  it('works with a secret as short as the one of the reference', async () => {
    const short = secretSigningKey('your-secret-key-here');
    expect(await kindOf(short, await issueToken(short, subject, 60))).toBe('ok');
  });

  it('is the very same for the same stamp', async () => {
    const stamp = { tokenId: randomUUID(), issuedAt: new Date() };
    expect(await issueToken(key, subject, 60, stamp)).toBe(await issueToken(key, subject, 60, stamp));
    expect(await issueToken(key, subject, 60)).not.toBe(await issueToken(key, subject, 60));
  });

  it('has a key from which secrets for other purposes derive, each its own', () => {
    expect(deriveSecret(key, 'a')).toEqual(deriveSecret(secretSigningKey(secret), 'a'));
    expect(deriveSecret(key, 'a')).not.toEqual(deriveSecret(key, 'b'));
    expect(deriveSecret(key, 'a')).not.toEqual(deriveSecret(secretSigningKey(`${secret}.`), 'a'));
  });

  it('shows no public keys', () => {
    expect(publicKeys(key)).toEqual({ keys: [] });
  });
});

describe('a token under a key file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'motience-keys-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const file = () => join(folder, 'keys', 'jwt.jwk.json');

  it('survives a restart, because the key is kept, readable by its owner only', async () => {
    const token = await issueToken(await loadOrCreateKeyFile(file()), subject, 60);
    expect(await kindOf(await loadOrCreateKeyFile(file()), token)).toBe('ok');
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  it('is the same whichever of several processes made the file', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateKeyFile(file())));
    expect(new Set(keys.map((key) => key.algorithm === 'EdDSA' && key.keyId)).size).toBe(1);
  });

  it('is refused under another key', async () => {
    const token = await issueToken(await loadOrCreateKeyFile(file()), subject, 60);
    expect(await kindOf(await loadOrCreateKeyFile(join(folder, 'other')), token)).toBe('unauthenticated');
  });

  it('cannot be replaced by one signed with the public key as a secret', async () => {
    const key = await loadOrCreateKeyFile(file());
    const jwk = JSON.stringify(publicKeys(key).keys[0]);
    expect(await kindOf(key, await forge({}, {}, jwk))).toBe('unauthenticated');
  });

  it('does not start on a file that holds something else, and leaves it as it is', async () => {
    await writeFile(join(folder, 'other'), '{"kty":"oct","k":"AAAA"}');
    await expect(loadOrCreateKeyFile(join(folder, 'other'))).rejects.toThrow('Ed25519');
    expect(await readFile(join(folder, 'other'), 'utf8')).toBe('{"kty":"oct","k":"AAAA"}');
  });

  it('shows its public half and never the private one', async () => {
    const [jwk] = publicKeys(await loadOrCreateKeyFile(file())).keys;
    expect(jwk).toMatchObject({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' });
    expect(jwk).not.toHaveProperty('d');
  });

  describe('verified by another service', () => {
    let server: Server;
    let authUrl: string;
    let answer: () => unknown;
    beforeEach(async () => {
      server = createServer((_request, response) => response.end(JSON.stringify(answer())));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      authUrl = typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : '';
    });
    const close = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
    afterEach(close);

    it('is good with the keys auth-api shows, and stays so while auth-api is away', async () => {
      const key = await loadOrCreateKeyFile(file());
      answer = () => publicKeys(key);
      const verify = createTokenVerifier({ jwtSecret: undefined, authUrl });
      expect(await verify(await issueToken(key, subject, 60))).toMatchObject({ ok: true });
      await close();
      expect(await verify(await issueToken(key, subject, 60))).toMatchObject({ ok: true });
    });

    it('is unavailable, not invalid, while auth-api cannot be reached, and good once it is back', async () => {
      const key = await loadOrCreateKeyFile(file());
      const verify = createTokenVerifier({ jwtSecret: undefined, authUrl });
      answer = () => 'starting';
      expect(await verify(await issueToken(key, subject, 60))).toMatchObject({ refusal: { kind: 'unavailable' } });
      answer = () => publicKeys(key);
      expect(await verify(await issueToken(key, subject, 60))).toMatchObject({ ok: true });
    });

    it('is refused when auth-api does not know its key', async () => {
      answer = () => ({ keys: [] });
      const verify = createTokenVerifier({ jwtSecret: undefined, authUrl });
      const token = await issueToken(await loadOrCreateKeyFile(file()), subject, 60);
      expect(await verify(token)).toMatchObject({ refusal: { kind: 'unauthenticated' } });
    });
  });
});
