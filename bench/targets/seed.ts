import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { openDatabase } from '../../packages/database/dist/index.js';
import { postAll } from '../../packages/ledger/dist/index.js';
import { issueToken, secretSigningKey } from '../../packages/tokens/dist/index.js';
import { deviceId } from '../load/reading.ts';
import type { Market } from './target.ts';

interface SeededAccount {
  id: string;
  token: string;
}

/** Ids of one length each, so that every frame of a role has its parts at the same places. */
const firstProducer = 1_000_001;
const firstConsumer = 2_000_001;
const tokenSeconds = 24 * 3_600;

/**
 * Puts accounts, sessions, devices and subscriptions straight into PostgreSQL, before any service runs: they are what
 * logins and requests would have left there, without the password hashes.
 */
export async function seedMarket(
  databaseUrl: string,
  jwtSecret: string,
  { producers, subscriptions, isPaid = false }: Market,
): Promise<{ producers: SeededAccount[]; consumers: SeededAccount[] }> {
  const producerIds = Array.from({ length: producers }, (_, at) => String(firstProducer + at));
  const consumerIds = subscriptions.map((_, at) => String(firstConsumer + at));
  const pairs = subscriptions.flatMap((wanted, at) =>
    wanted.map((producer) => [String(firstConsumer + at), String(firstProducer + producer)] as const),
  );
  const accounts = [
    ...producerIds.map((id) => ({ id, role: 'producer' as const, sessionId: randomUUID() })),
    ...consumerIds.map((id) => ({ id, role: 'consumer' as const, sessionId: randomUUID() })),
  ];
  const ids = accounts.map(({ id }) => id);
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await sql`
      insert into users (id, username, password_hash, role) overriding system value
      select id, 'bench-' || id, 'none', role
      from unnest(${ids}::bigint[], ${accounts.map(({ role }) => role)}::text[]) as account (id, role)`;
    await sql`
      insert into sessions (id, user_id, expires_at)
      select session, id, now() + interval '2 days'
      from unnest(${accounts.map(({ sessionId }) => sessionId)}::uuid[], ${ids}::bigint[]) as login (session, id)`;
    await sql`
      insert into devices (producer_id, device_id)
      select id, ${deviceId} from unnest(${producerIds}::bigint[]) as producer (id)`;
    await sql`
      insert into plans (producer_id, name, terms)
      select id, 'bench', ${sql.json({ kind: 'per-1000-readings', price: '0.01', currency: 'EUR' })}
      from unnest(${isPaid ? producerIds : []}::bigint[]) as producer (id)`;
    await sql`
      insert into subscriptions (consumer_id, producer_id, plan_id)
      select consumer, producer, (select id from plans where producer_id = producer)
      from unnest(${pairs.map(([consumer]) => consumer)}::bigint[], ${pairs.map(([, producer]) => producer)}::bigint[])
        as pair (consumer, producer)`;
  } finally {
    await sql.end();
  }
  if (isPaid) await fillWallets(databaseUrl, consumerIds);
  const key = secretSigningKey(jwtSecret);
  const signed = await Promise.all(
    accounts.map(async ({ id, role, sessionId }) => ({
      id,
      token: await issueToken(key, { accountId: id, role, sessionId }, tokenSeconds),
    })),
  );
  return { producers: signed.slice(0, producers), consumers: signed.slice(producers) };
}

/** A million for each. */
async function fillWallets(databaseUrl: string, consumerIds: readonly string[]): Promise<void> {
  const { db, close } = openDatabase(databaseUrl, { maxConnections: 1 });
  const amount = 1_000_000_000_000n;
  try {
    await postAll(
      db,
      consumerIds.map((id) => ({
        key: `bench-${id}`,
        kind: 'top-up',
        entries: [
          { account: { kind: 'provider', currency: 'EUR', name: 'admin' }, amount: -amount },
          { account: { kind: 'wallet', currency: 'EUR', ownerId: BigInt(id) }, amount },
        ],
      })),
    );
  } finally {
    await close();
  }
}
