import { webcrypto } from 'node:crypto';
import { Refusal } from '@motience/protocol';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import { type AccessClaims, accessClaimsSchema, accessTokenType, tokenAudience, tokenIssuer } from './claims.ts';
import type { SigningKey } from './signing-key.ts';

/** The claims of a good token, or why it is not one: `unauthenticated`, `token-expired` or `unavailable`. */
export type Verification =
  | { readonly ok: true; readonly claims: AccessClaims }
  | { readonly ok: false; readonly refusal: Refusal };

/** Checks type, algorithm, signature, issuer, audience, expiry and claims. Never throws. Whether the session still lives is not its business. */
export type TokenVerifier = (token: string) => Promise<Verification>;

export interface TokenSettings {
  /** With it, tokens are HS256 under this secret; without, EdDSA. */
  jwtSecret: string | undefined;
  /** Where auth-api is; its public keys are fetched from there when there is no secret. */
  authUrl: string;
}

/** A verifier for any service that does not issue tokens itself. */
export function createTokenVerifier(settings: TokenSettings): TokenVerifier {
  if (settings.jwtSecret !== undefined) return verifyWithSecret(new TextEncoder().encode(settings.jwtSecret));
  return verifyWithRemoteKeys(new URL('/.well-known/jwks.json', settings.authUrl));
}

/** A verifier for the service that holds the signing key. */
export function verifierFor(key: SigningKey): TokenVerifier {
  if (key.algorithm === 'HS256') return verifyWithSecret(key.secret);
  return (token) => verify(token, 'EdDSA', (options) => jwtVerify(token, key.publicKey, options));
}

function verifyWithSecret(secret: Uint8Array): TokenVerifier {
  // Given as bytes it would be imported again for each token.
  const key = webcrypto.subtle.importKey('raw', new Uint8Array(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'verify',
  ]);
  return (token) => verify(token, 'HS256', async (options) => jwtVerify(token, await key, options));
}

/** Keys already fetched go on being used while auth-api is away. */
function verifyWithRemoteKeys(url: URL): TokenVerifier {
  const remote = createRemoteJWKSet(url, { timeoutDuration: 3_000, cooldownDuration: 10_000 });
  const findKey: JWTVerifyGetKey = async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (isAboutTheToken(error)) throw error;
      const known = remote.jwks();
      if (known) return createLocalJWKSet(known)(header, token);
      throw new KeysUnreachable(error);
    }
  };
  return (token) => verify(token, 'EdDSA', (options) => jwtVerify(token, findKey, options));
}

/** Longer is no token of ours; refused before any cryptography. */
const maxTokenLength = 4096;

async function verify(
  token: string,
  algorithm: SigningKey['algorithm'],
  check: (options: JWTVerifyOptions) => Promise<{ payload: unknown }>,
): Promise<Verification> {
  if (token.length > maxTokenLength) return refused('unauthenticated', 'the access token is not valid');
  try {
    const { payload } = await check({
      algorithms: [algorithm],
      typ: accessTokenType,
      issuer: tokenIssuer,
      audience: tokenAudience,
      requiredClaims: ['sub', 'sid', 'jti', 'iat', 'exp'],
    });
    const claims = accessClaimsSchema.safeParse(payload);
    return claims.success
      ? { ok: true, claims: claims.data }
      : refused('unauthenticated', 'the access token is not valid');
  } catch (error) {
    if (error instanceof KeysUnreachable) {
      return refused('unavailable', 'access tokens cannot be checked: auth-api does not answer', error);
    }
    if (error instanceof errors.JWTExpired) return refused('token-expired', 'the access token has expired');
    return refused('unauthenticated', 'the access token is not valid', error);
  }
}

class KeysUnreachable extends Error {
  constructor(cause: unknown) {
    super('the public keys could not be fetched', { cause });
  }
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

function refused(
  kind: 'unauthenticated' | 'token-expired' | 'unavailable',
  message: string,
  cause?: unknown,
): Verification {
  return {
    ok: false,
    refusal: new Refusal(kind, message, kind === 'unavailable' ? { cause, retryAfterSeconds: 2 } : { cause }),
  };
}
