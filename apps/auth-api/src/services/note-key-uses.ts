import type { Database } from '@motience/database';
import { noteKeyUse } from '@motience/rights';
import type { RightsStore } from '@motience/stream-log';

const keysAtOnce = 500;

/** Brings to PostgreSQL when gateways saw API keys last. A crash in between loses that, until the next use. */
export async function noteKeyUses(
  { db }: Database,
  rights: Pick<RightsStore, 'isConnected' | 'takeUsedApiKeys'>,
  isStopped = () => false,
): Promise<void> {
  while (!isStopped() && rights.isConnected) {
    const used = await rights.takeUsedApiKeys(keysAtOnce);
    for (const { id, at } of used) await noteKeyUse(db, id, new Date(at));
    if (used.length < keysAtOnce) return;
  }
}
