import { createHash, createHmac, randomBytes } from 'node:crypto';

const prefix = 'mrt_';

export function newRefreshToken(): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** What is stored of a refresh token. It is random, so a plain hash is enough. */
export function hashRefreshToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/**
 * The token that replaces a spent one, always the same: a reply that was lost can be given again without any secret
 * having been stored.
 */
export function successorOf(token: string, secret: Buffer): string {
  return prefix + createHmac('sha256', secret).update(token).digest('base64url');
}

/** A UUID that belongs to a refresh token, for the access token that is issued with it. */
export function tokenIdFor(refreshToken: string, secret: Buffer): string {
  const bytes = createHmac('sha256', secret).update(`jti ${refreshToken}`).digest().subarray(0, 16);
  // Version 8 (made by a rule of one's own) and the standard's variant, RFC 9562.
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
