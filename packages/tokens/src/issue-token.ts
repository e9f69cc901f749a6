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

/** What makes one token differ from another of the same subject; the same stamp gives the very same token. */
export interface TokenStamp {
  tokenId: string;
  issuedAt: Date;
}

/** Signs an access token that is good for `lifetimeSeconds` from its issue, which is now unless a stamp says otherwise. */
export async function issueToken(
  key: SigningKey,
  subject: TokenSubject,
  lifetimeSeconds: number,
  stamp: TokenStamp = { tokenId: randomUUID(), issuedAt: new Date() },
): Promise<string> {
  const issuedAt = Math.floor(stamp.issuedAt.getTime() / 1000);
  const header =
    key.algorithm === 'EdDSA'
      ? { alg: key.algorithm, typ: accessTokenType, kid: key.keyId }
      : { alg: key.algorithm, typ: accessTokenType };
  return new SignJWT({ role: subject.role, sid: subject.sessionId })
    .setProtectedHeader(header)
    .setIssuer(tokenIssuer)
    .setAudience(tokenAudience)
    .setSubject(subject.accountId)
    .setJti(stamp.tokenId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds)
    .sign(key.algorithm === 'EdDSA' ? key.privateKey : key.secret);
}
