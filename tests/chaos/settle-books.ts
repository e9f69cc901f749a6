import postgres from 'postgres';
import { waitFor } from '../../packages/engines/dist/wait.js';
import type { Buyer } from './clients/buyer.ts';
import { countCounted } from './read-books.ts';

/**
 * Waits until billing has counted as much as the buyers received, or nothing more for `patienceMs`. What is missing then
 * is for the checker to say.
 */
export async function settleBooks(buyers: readonly Buyer[], databaseUrl: string, patienceMs: number): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, connect_timeout: 5, onnotice: () => {} });
  const ids = buyers.map(({ options }) => options.account.id);
  let last: number | undefined;
  let changedAt = performance.now();
  try {
    await waitFor(
      async () => {
        const counted = await countCounted(sql, ids);
        if (counted !== last) changedAt = performance.now();
        last = counted;
        return (counted ?? 0) >= receivedOf(buyers) || performance.now() - changedAt > patienceMs;
      },
      Number.POSITIVE_INFINITY,
      250,
    );
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** What one socket of each buyer got; the others get the same. */
function receivedOf(buyers: readonly Buyer[]): number {
  return buyers
    .flatMap(({ options: { sockets } }) => [...sockets[0].journals.values()])
    .reduce((sum, { readings }) => sum + readings, 0);
}
