import { listings, type Queryable } from '@motience/database';
import { Refusal } from '@motience/protocol';
import { eq } from 'drizzle-orm';

export type Approval = (typeof listings.$inferSelect)['approval'];

/**
 * How a producer's stream is subscribed to: a stream without a listing is open. `conflict` if the listing is paused or
 * retired, so that nobody new comes in; whoever is in stays.
 */
export async function readApproval(tx: Queryable, producerId: string): Promise<Approval> {
  const [listing] = await tx
    .select({ approval: listings.approval, status: listings.status })
    .from(listings)
    .where(eq(listings.producerId, BigInt(producerId)));
  if (listing?.status === 'paused' || listing?.status === 'retired') {
    throw new Refusal('conflict', `producer ${producerId} takes no new subscribers: its listing is ${listing.status}`);
  }
  return listing?.approval ?? 'open';
}
