import type { Queryable } from '@motience/database';

export type Approval = 'open' | 'by-producer';

/** How a producer's stream is subscribed to: a stream without a listing is open. */
export async function readApproval(_tx: Queryable, _producerId: string): Promise<Approval> {
  return 'open';
}
