import { Refusal } from '@motience/protocol';
import { orLate, requireScope } from '@motience/service-kit';
import type { Entitlement } from '@motience/stream-log';
import type { AccessClaims, TokenVerifier } from '@motience/tokens';
import { checkQuery } from './check-query.ts';
import type { OpenAccounts } from './open-accounts.ts';
import { tokenOfRequest, type UpgradeRequest } from './token-of-request.ts';
import { type RightsWatch, redisDoesNotAnswer } from './watch-rights.ts';

/** Who a socket belongs to and what it may do. */
export interface Admission {
  claims: AccessClaims;
  /** A producer's device_ids, or the producers a consumer is subscribed to. */
  items: ReadonlyMap<string, Entitlement>;
  /** To be called once, when the socket is open or did not come to be. */
  end(): void;
}

export interface AdmissionRules {
  role: 'producer' | 'consumer';
  verifyToken: TokenVerifier;
  watch: RightsWatch;
  accounts: OpenAccounts;
  maxSocketsPerAccount: number;
}

/** Redis may be away, and commands to it wait for it; a socket does not. */
const patienceMs = 5_000;

/**
 * Decides whether a socket may open: a valid token, of the right role, of a session that is still live, within the
 * number of sockets an account may have. Throws a Refusal if not.
 */
export async function admitSocket(request: UpgradeRequest, rules: AdmissionRules): Promise<Admission> {
  if (rules.role === 'consumer') checkQuery(request.query);
  const token = tokenOfRequest(request);
  if (token === undefined) {
    throw new Refusal('unauthenticated', 'no access token: send it as a bearer header, a subprotocol or ?token=');
  }
  const verification = await rules.verifyToken(token);
  if (!verification.ok) throw verification.refusal;
  const { claims } = verification;
  if (claims.role !== rules.role) {
    throw new Refusal('forbidden', `this socket is for ${rules.role}s; the token is a ${claims.role}'s`);
  }
  requireScope(claims, rules.role === 'consumer' ? 'stream:receive' : 'stream:send');
  // Those that are being admitted count too: many may ask at once.
  const sockets = rules.accounts.countSockets(claims.sub) + rules.watch.countAdmissions(claims.sub);
  if (sockets >= rules.maxSocketsPerAccount) {
    const limit = `an account may have ${rules.maxSocketsPerAccount} sockets open`;
    throw new Refusal('rate-limited', limit, { retryAfterSeconds: 60 });
  }
  const { rights, end } = rules.watch.beginAdmission(claims.sub, claims.sid);
  try {
    const account = await orLate(rights, patienceMs, () => {
      throw redisDoesNotAnswer();
    });
    if (account === undefined) throw new Refusal('unavailable', 'rights are being loaded; try again in a moment');
    if (!account.sessionIsLive) throw new Refusal('unauthenticated', 'this session has ended: log in again');
    return { claims, items: account.items, end };
  } catch (error) {
    end();
    throw error;
  }
}
