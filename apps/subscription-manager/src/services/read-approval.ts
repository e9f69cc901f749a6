import { listings, type Queryable } from '@motience/database';
import { eq } from 'drizzle-orm';

export type Approval = (typeof listings.$inferSelect)['approval'];

/** How a producer's stream is subscribed to: a stream without a listing is open. */
export async function readApproval(tx: Queryable, producerId: string): Promise<Approval> {
  const [listing] = await tx
    .select({ approval: listings.approval })
    .from(listings)
    .where(eq(listings.producerId, BigInt(producerId)));
  return listing?.approval ?? 'open';
}
