import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { keyScopeSchema, Refusal, roleSchema } from '@motience/protocol';
import { z } from 'zod';
import type { AccessClaims } from './claims.ts';
import type { TokenVerifier, Verification } from './verify-token.ts';

/** `mk_`, the id, and a secret of 256 bits. */
const keyForm = /^mk_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;
/** Where a key does not expire: the last second that times are written for. */
const never = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

/** What is known of a key that counts: wherever it is kept, this is what it is checked against. */
export const keyGrantSchema = z.object({
  accountId: z.string(),
  role: roleSchema,
  /** Those that this version knows: another one may know more, and is not to be refused for them. */
  scopes: z
    .array(z.string())
    .transform((scopes) => scopes.flatMap((scope) => keyScopeSchema.safeParse(scope).data ?? [])),
  /** SHA-256 of its secret, which is random, so a plain hash is enough. */
  secretHash: z.string(),
  /** In ms since 1970; null: never. */
  expiresAt: z.number().nullable(),
});
export type KeyGrant = z.infer<typeof keyGrantSchema>;

/** A key that counts, and what is to be done once it was good. */
export interface FoundKey {
  grant: KeyGrant;
  onUse(): void;
}

/** Makes a key. Its text is for its owner only. */
export function newApiKey(): { id: string; text: string; secretHash: string } {
  const id = randomUUID();
  const secret = randomBytes(32).toString('base64url');
  return { id, text: `mk_${id.replaceAll('-', '')}_${secret}`, secretHash: hashOf(secret) };
}

/** What the text of a key begins with, to recognise it by. */
export function apiKeyPrefix(id: string): string {
  return `mk_${id.slice(0, 8)}`;
}

/**
 * A verifier that takes API keys as well. `findKey` gives the key of an id if it counts: neither revoked nor expired. What
 * `findKey` throws, other than a Refusal, is told as `unavailable`.
 */
export function withApiKeys(
  verifyToken: TokenVerifier,
  findKey: (id: string) => Promise<FoundKey | undefined>,
): TokenVerifier {
  return async (token) => {
    if (!token.startsWith('mk_')) return verifyToken(token);
    const [, hexId, secret] = keyForm.exec(token) ?? [];
    if (hexId === undefined || secret === undefined) return unknownKey();
    const id = hexId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    try {
      const found = await findKey(id);
      if (!found || !isSame(hashOf(secret), found.grant.secretHash)) return unknownKey();
      const { grant } = found;
      if (grant.expiresAt !== null && grant.expiresAt <= Date.now()) return unknownKey();
      found.onUse();
      return { ok: true, claims: claimsOf(id, grant) };
    } catch (error) {
      if (error instanceof Refusal) return { ok: false, refusal: error };
      const message = 'API keys cannot be checked now; try again';
      return { ok: false, refusal: new Refusal('unavailable', message, { cause: error, retryAfterSeconds: 2 }) };
    }
  };
}

function claimsOf(id: string, { accountId, role, scopes, expiresAt }: KeyGrant): AccessClaims {
  const now = Math.floor(Date.now() / 1000);
  const exp = expiresAt === null ? never : Math.ceil(expiresAt / 1000);
  return { sub: accountId, role, sid: id, jti: id, iat: now, exp, scopes };
}

/** The same for one that never was, one that was revoked and one that has expired. */
function unknownKey(): Verification {
  return { ok: false, refusal: new Refusal('unauthenticated', 'the API key is not valid') };
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
