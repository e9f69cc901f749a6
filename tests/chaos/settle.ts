import postgres from 'postgres';
import { waitFor } from '../../packages/engines/dist/wait.js';
import type { Market } from './market.ts';
import { countStored } from './read-stored.ts';

/**
 * Waits until everything is sent and acknowledged, PostgreSQL holds it and every consumer got it, or until nothing at
 * all has happened for `patienceMs`. What is missing then is for the checker to say.
 */
export async function settle(market: Market, databaseUrl: string, patienceMs: number): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, connect_timeout: 5, onnotice: () => {} });
  let last = '';
  let changedAt = performance.now();
  try {
    await waitFor(
      async () => {
        const stored = await countStored(sql);
        const { acknowledged, received, senders } = market;
        const state = `${acknowledged} ${stored} ${received}`;
        if (state !== last) changedAt = performance.now();
        last = state;
        const allStored = stored !== undefined && stored >= acknowledged;
        const all = allStored && senders.every(({ done }) => done) && market.allReceived();
        return all || performance.now() - changedAt > patienceMs;
      },
      Number.POSITIVE_INFINITY,
      250,
    );
  } finally {
    await sql.end({ timeout: 1 });
  }
}
