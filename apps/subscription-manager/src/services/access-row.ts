import { accessEntries, type Queryable } from '@motience/database';
import { type Access, Refusal } from '@motience/protocol';
import { and, eq } from 'drizzle-orm';

/** Condition of what a producer says of a consumer. */
export function accessOf(producerId: string, consumerId: string) {
  return and(eq(accessEntries.producerId, BigInt(producerId)), eq(accessEntries.consumerId, BigInt(consumerId)));
}

/** Whether the producer lets the consumer in without being asked. `forbidden` if it does not let it in at all. */
export async function isAllowed(tx: Queryable, producerId: string, consumerId: string): Promise<boolean> {
  const [entry] = await tx
    .select({ access: accessEntries.access })
    .from(accessEntries)
    .where(accessOf(producerId, consumerId));
  const access: Access | undefined = entry?.access;
  if (access === 'deny') throw new Refusal('forbidden', `producer ${producerId} does not let you receive its stream`);
  return access === 'allow';
}
