import type { Tokens } from '@motience/protocol';
import { issueToken } from '@motience/tokens';
import type { Context } from '../context.ts';
import { tokenIdFor } from './refresh-token.ts';
import { toUser, type UserRow } from './user-row.ts';

/** The answer of login and refresh. The same refresh token issued at the same time gives the same answer. */
export async function issueTokens(
  { config, signingKey, refreshSecret }: Context,
  account: UserRow,
  sessionId: string,
  refreshToken: string,
  issuedAt = new Date(),
): Promise<Tokens> {
  const expiresIn = Math.floor(config.accessTokenMs / 1000);
  const subject = { accountId: String(account.id), role: account.role, sessionId };
  const stamp = { tokenId: tokenIdFor(refreshToken, refreshSecret), issuedAt };
  return {
    access_token: await issueToken(signingKey, subject, expiresIn, stamp),
    refresh_token: refreshToken,
    token_type: 'Bearer',
    expires_in: expiresIn,
    refresh_expires_in: Math.floor(config.refreshTokenMs / 1000),
    user: toUser(account),
  };
}
