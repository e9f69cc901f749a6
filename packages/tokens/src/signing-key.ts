import { hkdfSync } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import { z } from 'zod';
import { readOrCreateFile } from './key-file.ts';

/** The public half of a key pair, as a JWK (RFC 8037). */
export interface PublicKey {
  kty: 'OKP';
  crv: 'Ed25519';
  x: string;
  kid: string;
  use: 'sig';
  alg: 'EdDSA';
}

/** What tokens are signed with: a secret shared by all services, or a key pair of which only the public half leaves. */
export type SigningKey =
  | { readonly algorithm: 'HS256'; readonly secret: Uint8Array }
  | {
      readonly algorithm: 'EdDSA';
      readonly keyId: string;
      readonly privateKey: CryptoKey;
      readonly publicKey: CryptoKey;
      readonly publicJwk: PublicKey;
      /** What only the holder of the private key knows; further secrets are derived from it. */
      readonly secret: Uint8Array;
    };

/** The key for `JWT_SECRET`. */
export function secretSigningKey(secret: string): SigningKey {
  return { algorithm: 'HS256', secret: new TextEncoder().encode(secret) };
}

/**
 * The Ed25519 key pair kept in `file`, made there (mode 0600) if there is none. When several processes start at
 * once, all end up with the same one. Fails if the file holds anything else.
 */
export async function loadOrCreateKeyFile(file: string): Promise<SigningKey> {
  const text = await readOrCreateFile(file, async () => {
    const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    return JSON.stringify(await exportJWK(privateKey));
  });
  return keyFromJwk(text, file);
}

/** 32 bytes for another `purpose`, always the same for the same key, which they do not reveal. */
export function deriveSecret(key: SigningKey, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key.secret, '', `motience ${purpose}`, 32));
}

/** The keys others verify with: none for a shared secret. */
export function publicKeys(key: SigningKey): { keys: PublicKey[] } {
  return { keys: key.algorithm === 'EdDSA' ? [key.publicJwk] : [] };
}

const keyFileSchema = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string() });

async function keyFromJwk(text: string, file: string): Promise<SigningKey> {
  const parsed = keyFileSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new Error(`${file} does not hold an Ed25519 private key as a JWK`);
  const { kty, crv, x, d } = parsed.data;
  const [privateKey, publicKey, keyId] = await Promise.all([
    importJWK({ kty, crv, x, d }, 'EdDSA'),
    importJWK({ kty, crv, x }, 'EdDSA'),
    calculateJwkThumbprint({ kty, crv, x }),
  ]);
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) throw new Error(`${file} is not a key pair`);
  const publicJwk: PublicKey = { kty, crv, x, kid: keyId, use: 'sig', alg: 'EdDSA' };
  return { algorithm: 'EdDSA', keyId, privateKey, publicKey, publicJwk, secret: Buffer.from(d, 'base64url') };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
