import { Refusal } from '@motience/protocol';
import { describe, expect, it } from 'vitest';
import { apiKeyPrefix, type FoundKey, type KeyGrant, keyGrantSchema, newApiKey, withApiKeys } from './api-key.ts';
import type { TokenVerifier } from './verify-token.ts';

const otherToken: TokenVerifier = async () => ({ ok: false, refusal: new Refusal('token-expired', 'not a key') });

/** A verifier that knows one key, and how often that was used. */
function knowing(id: string, grant: KeyGrant) {
  const uses = { count: 0 };
  const onUse = () => {
    uses.count += 1;
  };
  const find = async (asked: string): Promise<FoundKey | undefined> => (asked === id ? { grant, onUse } : undefined);
  return { verify: withApiKeys(otherToken, find), uses };
}

const grantOf = (secretHash: string, expiresAt: number | null = null): KeyGrant => ({
  accountId: '7',
  role: 'consumer',
  scopes: ['stream:receive'],
  secretHash,
  expiresAt,
});

describe('an API key', () => {
  it('begins with its prefix, holds 256 random bits, and is never the same', () => {
    const keys = Array.from({ length: 50 }, newApiKey);
    for (const { id, text } of keys) {
      expect(text).toMatch(/^mk_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/);
      expect(text.startsWith(apiKeyPrefix(id))).toBe(true);
      expect(apiKeyPrefix(id)).toHaveLength(11);
    }
    expect(new Set(keys.map(({ text }) => text.slice(-43))).size).toBe(50);
    for (const { text, secretHash } of keys) expect(text).not.toContain(secretHash);
  });

  it('gives the claims of its account, with its id as the session, and its scopes', async () => {
    const { id, text, secretHash } = newApiKey();
    const { verify, uses } = knowing(id, grantOf(secretHash));
    const verification = await verify(text);
    expect(verification).toMatchObject({
      ok: true,
      claims: { sub: '7', role: 'consumer', sid: id, scopes: ['stream:receive'] },
    });
    expect(verification.ok && verification.claims.exp).toBeGreaterThan(250_000_000_000);
    expect(uses.count).toBe(1);
  });

  it('has the scopes that this version knows, where a later one granted more', () => {
    const stored = { ...grantOf('-'), scopes: ['stream:receive', 'stream:tomorrow'] };
    expect(keyGrantSchema.parse(stored).scopes).toEqual(['stream:receive']);
  });

  it('is refused alike when it is unknown, expired, cut, or has another secret', async () => {
    const { id, text, secretHash } = newApiKey();
    const { verify, uses } = knowing(id, grantOf(secretHash));
    const expired = knowing(id, grantOf(secretHash, Date.now() - 1));
    const last = text.endsWith('A') ? 'B' : 'A';
    const refused = await Promise.all([
      ...[
        newApiKey().text,
        text.slice(0, -1) + last,
        text.slice(0, -1),
        `${text}A`,
        'mk_',
        text.replace('_', '__'),
      ].map((key) => verify(key)),
      expired.verify(text),
    ]);
    for (const verification of refused) {
      expect(verification).toMatchObject({
        ok: false,
        refusal: { kind: 'unauthenticated', message: 'the API key is not valid' },
      });
    }
    expect([uses.count, expired.uses.count]).toEqual([0, 0]);
  });

  it('expires when it says', async () => {
    const { id, text, secretHash } = newApiKey();
    const expiresAt = Date.now() + 60_000;
    const verification = await knowing(id, grantOf(secretHash, expiresAt)).verify(text);
    expect(verification).toMatchObject({ ok: true, claims: { exp: Math.ceil(expiresAt / 1000) } });
  });

  it('is unavailable while nobody can say whether it counts; what is no key is left to the other verifier', async () => {
    const away = withApiKeys(otherToken, async () => {
      throw new Error('away');
    });
    expect(await away(newApiKey().text)).toMatchObject({ ok: false, refusal: { kind: 'unavailable' } });
    expect(await away('eyJ')).toMatchObject({ ok: false, refusal: { message: 'not a key' } });
  });
});
