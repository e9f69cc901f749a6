import { type Queryable, users } from '@motience/database';
import { Refusal } from '@motience/protocol';
import { and, eq } from 'drizzle-orm';

/** `not-found` if there is no such producer. */
export async function requireProducer(queryable: Queryable, producerId: string): Promise<void> {
  const found = await queryable
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, BigInt(producerId)), eq(users.role, 'producer')));
  if (found.length === 0) throw new Refusal('not-found', `there is no producer ${producerId}`);
}
