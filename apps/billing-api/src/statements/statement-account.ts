import { type Queryable, users } from '@motience/database';
import { Refusal } from '@motience/protocol';
import { eq, type SQL, sql } from 'drizzle-orm';

/** Whose statement it is. */
export interface StatementAccount {
  readonly id: bigint;
  readonly name: string;
  readonly role: 'consumer' | 'producer';
  /** What the subscriptions that are theirs have as theirs, and the one they are with. */
  readonly own: SQL;
  readonly other: SQL;
}

/** An account that has statements. Refuses with `not-found` where there is none. */
export async function readStatementAccount(db: Queryable, id: bigint): Promise<StatementAccount> {
  const [row] = await db
    .select({ username: users.username, name: users.name, role: users.role })
    .from(users)
    .where(eq(users.id, id));
  if (!row || row.role === 'admin') throw new Refusal('not-found', `there is no consumer or producer ${id}`);
  const consumer = sql.raw('s.consumer_id');
  const producer = sql.raw('s.producer_id');
  const [own, other] = row.role === 'consumer' ? [consumer, producer] : [producer, consumer];
  return { id, name: row.name ?? row.username, role: row.role, own, other };
}
