import { sessions } from '@motience/database';
import type { AccessClaims } from '@motience/tokens';
import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Context } from '../context.ts';
import { changeRights } from './change-rights.ts';

/** Ends the session of an access token: its tokens stop working and its sockets are cut. */
export async function endSession(context: Context, { sub, sid }: AccessClaims): Promise<void> {
  await changeRights(context, async (tx, changed) => {
    await tx
      .update(sessions)
      .set({ revokedAt: sql`now()` })
      .where(and(eq(sessions.id, sid), isNull(sessions.revokedAt)));
    await changed({ kind: 'session', accountId: sub, item: sid });
  });
}
