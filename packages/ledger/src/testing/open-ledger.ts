import { type Database, openDatabase, subscriptions, users } from '@motience/database';
import { createTestDatabase } from '@motience/engines/testing';
import type { HoldAccount, LedgerAccount } from '../ledger-account.ts';

export interface TestLedger extends Database {
  readonly url: string;
  /** Some consumer, another, a producer, and the first one's subscription to it. */
  readonly ids: { consumer: bigint; other: bigint; producer: bigint; subscription: bigint };
  /** Accounts in EUR that tests use. */
  readonly wallet: LedgerAccount;
  readonly otherWallet: LedgerAccount;
  readonly held: HoldAccount;
  readonly earnings: LedgerAccount;
  readonly fee: LedgerAccount;
  readonly provider: LedgerAccount;
}

/** A database of its own with the users that accounts belong to, and no accounts. */
export async function openTestLedger(options: { maxConnections?: number } = {}): Promise<TestLedger> {
  const { url, drop } = await createTestDatabase();
  const database = openDatabase(url, options);
  const rows = await database.db
    .insert(users)
    .values(
      [
        { username: 'consumer', role: 'consumer' as const },
        { username: 'other', role: 'consumer' as const },
        { username: 'producer', role: 'producer' as const },
      ].map((user) => ({ ...user, passwordHash: 'x' })),
    )
    .returning({ id: users.id });
  const [consumer = 0n, other = 0n, producer = 0n] = rows.map(({ id }) => id);
  const [subscription] = await database.db
    .insert(subscriptions)
    .values({ consumerId: consumer, producerId: producer })
    .returning({ id: subscriptions.id });
  return {
    ...database,
    url,
    ids: { consumer, other, producer, subscription: subscription?.id ?? 0n },
    wallet: { kind: 'wallet', ownerId: consumer, currency: 'EUR' },
    otherWallet: { kind: 'wallet', ownerId: other, currency: 'EUR' },
    held: { kind: 'hold', ownerId: consumer, currency: 'EUR', name: 'subscription-1' },
    earnings: { kind: 'earnings', ownerId: producer, currency: 'EUR' },
    fee: { kind: 'fee', currency: 'EUR' },
    provider: { kind: 'provider', currency: 'EUR', name: 'admin' },
    close: async () => {
      await database.close();
      await drop();
    },
  };
}

/** Has one statement run by a superuser in a session in which no trigger fires: the only way to make wrong books. */
export async function tamper({ sql }: Database, statement: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe('set local session_replication_role = replica');
    await tx.unsafe(statement);
  });
}
