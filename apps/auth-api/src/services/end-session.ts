import { sessions } from '@motience/database';
import type { AccessClaims } from '@motience/tokens';
import { and, eq, isNull } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { changeRights } from './change-rights.ts';
import { revokedNow } from './revoked-session.ts';

/** Ends the session of an access token: its tokens stop working and its sockets are cut. */
export async function endSession(context: Context, { sub, sid }: AccessClaims): Promise<void> {
  await changeRights(context, async (tx, changed) => {
    await tx
      .update(sessions)
      .set(revokedNow)
      .where(and(eq(sessions.id, sid), isNull(sessions.revokedAt)));
    await changed({ kind: 'session', accountId: sub, item: sid });
  });
}
