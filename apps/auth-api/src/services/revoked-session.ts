import { sessions } from '@motience/database';
import { sql } from 'drizzle-orm';

/** What is set to end a session. It expires as well, so that it is deleted a day from now and not from its planned end. */
export const revokedNow = {
  revokedAt: sql`now()`,
  expiresAt: sql`least(${sessions.expiresAt}, now())`,
};
