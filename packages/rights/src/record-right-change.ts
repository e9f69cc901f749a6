import { type Queryable, rightsOutbox } from '@motience/database';
import type { Right } from '@motience/stream-log';

/**
 * Notes, in the caller's transaction, that a right may have changed, so that it reaches Redis even if the process dies
 * right after the commit. Once committed, call the projector's `project`.
 */
export async function recordRightChange(tx: Queryable, right: Right): Promise<void> {
  await tx.insert(rightsOutbox).values({ kind: right.kind, accountId: BigInt(right.accountId), item: right.item });
}
