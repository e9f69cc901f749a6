import { type KeyScope, roleSchema } from '@motience/protocol';
import { z } from 'zod';

/** What every access token is signed for; a token that says otherwise is refused. */
export const tokenIssuer = 'motience';
export const tokenAudience = 'motience';
/** RFC 9068: keeps any other kind of JWT from passing as an access token. */
export const accessTokenType = 'at+jwt';

export const accessClaimsSchema = z.object({
  /** Id of the account, a decimal string. */
  sub: z.string().regex(/^[1-9]\d{0,18}$/),
  role: roleSchema,
  /** Id of the session (one login and everything refreshed from it). */
  sid: z.uuid(),
  jti: z.uuid(),
  /** Seconds since 1970. */
  iat: z.int(),
  /** Seconds since 1970. */
  exp: z.int(),
});
/** Claims of a verified access token, or of an API key, which is told by its scopes; its `sid` is the key's id. */
export type AccessClaims = z.infer<typeof accessClaimsSchema> & {
  /** What an API key may be used for; undefined for an access token, which may be used for everything. */
  readonly scopes?: readonly KeyScope[];
};
