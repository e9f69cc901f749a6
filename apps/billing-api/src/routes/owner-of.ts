import { Refusal } from '@motience/protocol';
import type { AccessClaims } from '@motience/tokens';

/** The account a request is about: one's own if none is named, and anyone's for an admin. Refuses with `forbidden`. */
export function ownerOf(claims: AccessClaims, named: string | undefined): bigint {
  if (named === undefined || named === claims.sub || claims.role === 'admin') return BigInt(named ?? claims.sub);
  throw new Refusal('forbidden', 'account_id: expected your own account; it can be left out');
}
