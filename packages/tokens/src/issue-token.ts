import { randomUUID } from 'node:crypto';
import type { Role } from '@motience/protocol';
import { SignJWT } from 'jose';
import { accessTokenType, tokenAudience, tokenIssuer } from './claims.ts';
import type { SigningKey } from './signing-key.ts';

export interface TokenSubject {
  accountId: string;
  role: Role;
  sessionId: string;
}

/** Signs an access token that is good for `lifetimeSeconds` from now. */
export async function issueToken(key: SigningKey, subject: TokenSubject, lifetimeSeconds: number): Promise<string> {
  const issuedAt = Math.floor(Date.now() / 1000);
  const header =
    key.algorithm === 'EdDSA'
      ? { alg: key.algorithm, typ: accessTokenType, kid: key.keyId }
      : { alg: key.algorithm, typ: accessTokenType };
  return new SignJWT({ role: subject.role, sid: subject.sessionId })
    .setProtectedHeader(header)
    .setIssuer(tokenIssuer)
    .setAudience(tokenAudience)
    .setSubject(subject.accountId)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds)
    .sign(key.algorithm === 'EdDSA' ? key.privateKey : key.secret);
}
