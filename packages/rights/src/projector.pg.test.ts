import { randomUUID } from 'node:crypto';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { type Database, devices, openDatabase, rightsOutbox, sessions, subscriptions, users } from '@motience/database';
import { createTestDatabase, createTestRedis } from '@motience/engines/testing';
import {
  createKeys,
  type Entitlement,
  type Grant,
  type ItemKind,
  type Keys,
  openRedis,
  type Right,
  RightsStore,
  Subscriber,
} from '@motience/stream-log';
import { and, eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProjector, type Projector, type ProjectorOptions } from './projector.ts';
import { recordRightChange } from './record-right-change.ts';

type Redis = ReturnType<typeof openRedis>;
let redisUrl: string;
let emptyRedis: () => Promise<void>;
let database: Database;
let keys: Keys;
let redis: Redis;
let rights: RightsStore;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  const [testDatabase, testRedis] = await Promise.all([createTestDatabase(), createTestRedis()]);
  database = openDatabase(testDatabase.url);
  redisUrl = testRedis.url;
  keys = createKeys(testRedis.prefix);
  emptyRedis = testRedis.drop;
  redis = openRedis(redisUrl, { onError: () => {} });
  rights = new RightsStore(redis, keys);
  closers.push(testDatabase.drop, testRedis.drop, async () => redis.disconnect(), database.close);
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const quiet = { info: () => {}, warn: () => {} };

function openProjector(options: Partial<ProjectorOptions> = {}): Projector {
  const projector = createProjector({ database, rights, logger: quiet, pollMs: 50, redisDeadlineMs: 300, ...options });
  closers.push(projector.stop);
  return projector;
}

/** A way to Redis that can be stalled: bytes wait, connections stay open. */
async function openStallableRedis(): Promise<{ redis: Redis; stall(): void; resume(): void }> {
  const target = new URL(redisUrl);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connectSocket(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const stallable = openRedis(Object.assign(new URL(redisUrl), { host: `127.0.0.1:${port}` }).href, {
    onError: () => {},
  });
  await stallable.ping();
  closers.push(async () => {
    stallable.disconnect();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const each = (action: (socket: Socket) => void) => () => sockets.forEach(action);
  return { redis: stallable, stall: each((socket) => socket.pause()), resume: each((socket) => socket.resume()) };
}

async function addAccount(role: 'producer' | 'consumer'): Promise<bigint> {
  const [row] = await database.db
    .insert(users)
    .values({ username: `u${randomUUID().slice(0, 30)}`, passwordHash: '-', role })
    .returning({ id: users.id });
  if (!row) throw new Error('no account');
  return row.id;
}

async function addSession(userId: bigint, seconds = 3600): Promise<Right> {
  const id = randomUUID();
  await database.db.insert(sessions).values({ id, userId, expiresAt: new Date(Date.now() + seconds * 1000) });
  return { kind: 'session', accountId: String(userId), item: id };
}

async function addDevice(producerId: bigint, deviceId: string): Promise<Right> {
  await database.db.insert(devices).values({ producerId, deviceId });
  return { kind: 'device', accountId: String(producerId), item: deviceId };
}

const subscriptionOf = (consumer: bigint, producer: bigint): Right => ({
  kind: 'subscription',
  accountId: String(consumer),
  item: String(producer),
});

async function subscribe(consumerId: bigint, producerId: bigint): Promise<Right> {
  const right = subscriptionOf(consumerId, producerId);
  await database.db.transaction(async (tx) => {
    await tx.insert(subscriptions).values({ consumerId, producerId }).onConflictDoNothing();
    await recordRightChange(tx, right);
  });
  return right;
}

async function unsubscribe(consumerId: bigint, producerId: bigint): Promise<Right> {
  const right = subscriptionOf(consumerId, producerId);
  await database.db.transaction(async (tx) => {
    await tx
      .update(subscriptions)
      .set({ status: 'cancelled', endedAt: new Date() })
      .where(
        and(
          eq(subscriptions.consumerId, consumerId),
          eq(subscriptions.producerId, producerId),
          eq(subscriptions.status, 'active'),
        ),
      );
    await recordRightChange(tx, right);
  });
  return right;
}

function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** Rights that wait at a gate before anything is written to Redis. */
class GatedRights extends RightsStore {
  readonly reached = createGate();
  readonly gate = createGate();

  override async grant(grant: Grant): Promise<void> {
    this.reached.open();
    await this.gate.opened;
    await super.grant(grant);
  }

  override async replaceAll(
    kind: ItemKind,
    accountId: string,
    items: ReadonlyMap<string, Entitlement>,
  ): Promise<boolean> {
    this.reached.open();
    await this.gate.opened;
    return super.replaceAll(kind, accountId, items);
  }
}

/** Resolves once `work` is done or waits for an advisory lock. */
async function doneOrLocked(work: Promise<void>): Promise<void> {
  let done = false;
  work.then(() => {
    done = true;
  });
  await eventually(async () => {
    const [waiting] = await database.sql`
      select count(*)::int as n from pg_locks l join pg_database d on d.oid = l.database
      where locktype = 'advisory' and not granted and datname = current_database()`;
    expect(done || waiting?.n > 0).toBe(true);
  });
}

const outboxSize = () => database.db.$count(rightsOutbox);
const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 20 });

async function activeSinceInRedis({ accountId, item }: Right): Promise<number> {
  const session = randomUUID();
  await rights.finishRebuild(await rights.beginRebuild());
  const read = await rights.read('subscription', accountId, session);
  expect(await rights.entitlement('subscription', accountId, item)).toEqual(read?.items.get(item));
  return read?.items.get(item)?.since ?? Number.NaN;
}

/** Rounded up to whole ms. */
async function activeSinceInPostgres({ accountId, item }: Right): Promise<number> {
  const [row] = await database.sql`
    select to_char(extract(epoch from created_at) * 1000, 'FM9999999999999.000') as ms from subscriptions
    where consumer_id = ${accountId} and producer_id = ${item} and status = 'active'`;
  return Math.ceil(Number(row?.ms));
}

/** Subscriptions as PostgreSQL and as Redis have them, each with since when. */
async function bothSides(consumers: bigint[]): Promise<[string[], string[]]> {
  const active = await database.sql<{ right: string }[]>`
    select concat_ws(':', consumer_id, producer_id, ceil(extract(epoch from created_at) * 1000)) as right
    from subscriptions where status = 'active'`;
  const held = await Promise.all(
    consumers.map(async (id) =>
      Object.entries(await redis.hgetall(keys.subscriptions(String(id)))).map(
        ([item, since]) => `${id}:${item}:${since}`,
      ),
    ),
  );
  return [active.map(({ right }) => right).sort(), held.flat().sort()];
}

/** Adds every change that the gateways are told. */
async function watchInto(told: unknown[]): Promise<void> {
  const subscriber = new Subscriber(redis, { onError: () => {} });
  closers.push(async () => subscriber.close());
  await rights.watch(subscriber, { onChange: (right) => told.push(right), onLost: () => {}, onBack: () => {} });
}

describe('project', () => {
  it('brings a granted and then a revoked right to Redis and the gateways, and empties the outbox', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const projector = openProjector();
    const told: (Right | undefined)[] = [];
    await watchInto(told);

    const right = await subscribe(consumer, producer);
    await projector.project(right);
    expect(await rights.has(right)).toBe(true);
    expect(await outboxSize()).toBe(0);

    await projector.project(await unsubscribe(consumer, producer));
    expect(await rights.has(right)).toBe(false);
    expect(await outboxSize()).toBe(0);
    await eventually(async () => expect(told).toEqual([right, right]));
  });

  it('says since when a subscription is active, and another time once it was ended and made anew', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const projector = openProjector();
    const right = await subscribe(consumer, producer);
    await projector.project(right);
    const first = await activeSinceInRedis(right);
    expect(first).toBe(await activeSinceInPostgres(right));
    expect(first).toBeLessThanOrEqual(Date.now() + 1);

    await unsubscribe(consumer, producer);
    await eventually(async () => expect(Date.now()).toBeGreaterThan(first + 1));
    await projector.project(await subscribe(consumer, producer));
    const second = await activeSinceInRedis(right);
    expect(second).toBe(await activeSinceInPostgres(right));
    expect(second).toBeGreaterThan(first);
  });

  it('names a subscription that has a plan, and says since when there was one without a break', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const projector = openProjector();
    const right = subscriptionOf(consumer, producer);
    const made = await database.sql<{ id: string }[]>`
      with plan as (insert into plans (producer_id, name, terms) values (${right.item}, 'any', '{}') returning id)
      insert into subscriptions (consumer_id, producer_id, status, plan_id, since, created_at, ended_at)
      select ${right.accountId}, ${right.item}, status, id, to_timestamp(since), to_timestamp(created), to_timestamp(ended)
      from plan,
        (values ('cancelled', null, 100, 200), ('cancelled', null, 300.5, 400), ('active', 300.5, 400, null))
          as times (status, since, created, ended)
      returning id`;
    const [subscriptionId] = made.map(({ id }) => id).toSorted((one, other) => Number(other) - Number(one));
    await projector.project(right);
    expect(await rights.entitlement('subscription', right.accountId, right.item)).toEqual({
      since: 300_500,
      subscriptionId,
    });
    await redis.del(keys.subscriptions(right.accountId));
    projector.start();
    await eventually(async () =>
      expect(await redis.hgetall(keys.subscriptions(right.accountId))).toEqual({
        [right.item]: `300500:${subscriptionId}`,
      }),
    );
  });

  it('keeps a session in Redis exactly as long as PostgreSQL does', async () => {
    const projector = openProjector();
    const account = await addAccount('producer');
    const live = await addSession(account, 500);
    const expired = await addSession(account, -1);
    await projector.project(live);
    await projector.project(expired);
    const seconds = await redis.ttl(keys.session(live.item));
    expect(seconds).toBeGreaterThan(490);
    expect(seconds).toBeLessThanOrEqual(500);
    expect(await rights.has(expired)).toBe(false);

    await database.db.update(sessions).set({ revokedAt: new Date() }).where(eq(sessions.id, live.item));
    await projector.project(live);
    expect(await rights.has(live)).toBe(false);
  });

  it('grants nothing for a session of another account, or for a name that is no session id', async () => {
    const projector = openProjector();
    const [owner, other] = [await addAccount('producer'), await addAccount('producer')];
    const session = await addSession(owner);
    for (const right of [
      { ...session, accountId: String(other) },
      { ...session, item: 'nonsense' },
    ]) {
      await projector.project(right);
      expect(await rights.has(right)).toBe(false);
    }
  });

  it('ends in what PostgreSQL says when two processes project opposite changes at once', async () => {
    const consumer = await addAccount('consumer');
    const producers = await Promise.all([1, 2, 3].map(() => addAccount('producer')));
    const projectors = [openProjector(), openProjector()];
    const changes = Array.from({ length: 60 }, async (_, index) => {
      const producer = producers[index % 3] ?? 0n;
      const right = await (Math.random() < 0.5 ? subscribe : unsubscribe)(consumer, producer);
      await projectors[index % 2]?.project(right);
    });
    await Promise.all(changes);
    const [truth, projection] = await bothSides([consumer]);
    expect(projection).toEqual(truth);
    expect(await outboxSize()).toBe(0);
  });

  it('lets nobody move a right between reading it in PostgreSQL and writing it to Redis', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const gated = new GatedRights(redis, keys);
    const right = await subscribe(consumer, producer);
    const first = openProjector({ rights: gated, redisDeadlineMs: 5_000 }).project(right);
    await gated.reached.opened;
    await unsubscribe(consumer, producer);
    const second = openProjector().project(right);
    await doneOrLocked(second);
    gated.gate.open();
    await Promise.all([first, second]);
    expect(await rights.has(right)).toBe(false);
  });

  it('answers while PostgreSQL is away, without throwing', async () => {
    const away = openDatabase('postgres://nobody:nothing@127.0.0.1:1/none');
    closers.push(away.close);
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (_details: object, message: string) => void warnings.push(message) };
    await openProjector({ database: away, logger }).project(subscriptionOf(1n, 2n));
    expect(warnings).toEqual(['right not yet in Redis']);
  });

  it('answers while Redis hangs, keeps the row, and does not pile up more work on it', async () => {
    const { redis: stallable, stall, resume } = await openStallableRedis();
    const projector = openProjector({ rights: new RightsStore(stallable, keys) });
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const right = await subscribe(consumer, producer);
    stall();
    const started = Date.now();
    await projector.project(right);
    expect(Date.now() - started).toBeLessThan(2_500);
    expect(await outboxSize()).toBe(1);

    const again = Date.now();
    await Promise.all(Array.from({ length: 50 }, () => projector.project(right)));
    expect(Date.now() - again).toBeLessThan(2_500);
    expect(await rights.has(right)).toBe(false);

    resume();
    await eventually(async () => {
      expect(await rights.has(right)).toBe(true);
      expect(await outboxSize()).toBe(0);
    });
  });

  it('takes back what reaches Redis too late, after another process has revoked it', async () => {
    const { redis: stallable, stall, resume } = await openStallableRedis();
    const slow = openProjector({ rights: new RightsStore(stallable, keys) });
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const right = await subscribe(consumer, producer);
    const told: unknown[] = [];
    await watchInto(told);
    stall();
    await slow.project(right);
    await unsubscribe(consumer, producer);
    await openProjector().project(right);
    expect(await rights.has(right)).toBe(false);
    resume();
    // The revocation, the late grant, and the revocation that answers it.
    await eventually(async () => expect(told).toHaveLength(3));
    expect(await rights.has(right)).toBe(false);
  });
});

describe('the poll', () => {
  it('projects what a crash left between commit and projection', async () => {
    const projector = openProjector();
    projector.start();
    await eventually(async () => expect(await rights.isComplete()).toBe(true));
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const right = await subscribe(consumer, producer);
    await eventually(async () => {
      expect(await rights.has(right)).toBe(true);
      expect(await outboxSize()).toBe(0);
    });
  });

  it('works through more leftovers than a page holds, with two processes at it', async () => {
    const producer = await addAccount('producer');
    await rights.finishRebuild(await rights.beginRebuild());
    await database.sql`
      insert into rights_outbox (kind, account_id, item, created_at)
      select 'device', ${String(producer)}::bigint, 'd' || n, now() - interval '1 minute' from generate_series(1, 300) n`;
    await database.sql`
      insert into devices (producer_id, device_id) select ${String(producer)}::bigint, 'd' || n from generate_series(1, 150) n`;
    for (const projector of [openProjector(), openProjector()]) projector.start();
    await eventually(async () => expect(await outboxSize()).toBe(0));
    expect(await redis.hlen(keys.devices(String(producer)))).toBe(150);
  });
});

describe('the rebuild', () => {
  it('fills an emptied Redis with every right, and tells the gateways to read again', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const session = await addSession(consumer, 700);
    const subscription = await subscribe(consumer, producer);
    const device = await addDevice(producer, 'pump:1');
    const projector = openProjector();
    projector.start();
    await eventually(async () => expect(await rights.isComplete()).toBe(true));
    const told: unknown[] = [];
    await watchInto(told);

    await emptyRedis();
    await eventually(async () => expect(await rights.isComplete()).toBe(true));
    for (const right of [session, subscription, device]) expect(await rights.has(right)).toBe(true);
    expect(await redis.ttl(keys.session(session.item))).toBeGreaterThan(690);
    await eventually(async () => expect(told).toContain(undefined));
  });

  it('covers more sessions and accounts than a page holds', async () => {
    await database.sql`
      insert into users (username, password_hash, role) select 'user' || n, '-', 'producer' from generate_series(1, 130) n`;
    await database.sql`insert into devices (producer_id, device_id) select id, 'd' || n from users, generate_series(1, 3) n`;
    await database.sql`
      insert into sessions (id, user_id, expires_at)
      select gen_random_uuid(), id, now() + interval '1 hour' from users, generate_series(1, 9)`;
    openProjector().start();
    await eventually(async () => expect(await rights.isComplete()).toBe(true));
    const [sessionKeys, deviceKeys] = await Promise.all([redis.keys(keys.session('*')), redis.keys(keys.devices('*'))]);
    expect(sessionKeys).toHaveLength(130 * 9);
    expect(deviceKeys).toHaveLength(130);
  });

  it('drops sessions, devices and subscriptions that PostgreSQL does not know', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const kept = await addDevice(producer, 'kept');
    const stale: Grant[] = [
      { kind: 'session', accountId: String(consumer), item: randomUUID(), seconds: 1000 },
      { kind: 'session', accountId: String(consumer), item: 'nonsense', seconds: 1000 },
      { kind: 'device', accountId: String(producer), item: 'removed' },
      { kind: 'device', accountId: '999999', item: 'of nobody' },
      { kind: 'subscription', accountId: String(consumer), item: String(producer), since: 1 },
    ];
    for (const grant of stale) await rights.grant(grant);
    await rights.finishRebuild(await rights.beginRebuild());
    openProjector().start();
    await eventually(async () => {
      for (const right of stale) expect(await rights.has(right)).toBe(false);
    });
    await eventually(async () => expect(await rights.has(kept)).toBe(true));
  });

  it('puts right a difference nobody noted, at the periodic comparison', async () => {
    const producer = await addAccount('producer');
    const device = await addDevice(producer, 'pump');
    openProjector({ reconcileMs: 100 }).start();
    await eventually(async () => expect(await rights.has(device)).toBe(true));
    await redis.del(keys.devices(String(producer)));
    await eventually(async () => expect(await rights.has(device)).toBe(true));
  });

  it('tells the gateways what it put right before it failed half-way, or another one before it was killed', async () => {
    class FailingOnce extends RightsStore {
      failures = 0;
      override async *accountIds(kind: ItemKind): AsyncGenerator<string[]> {
        if (this.failures++ === 0) throw new Error('Redis went away');
        yield* super.accountIds(kind);
      }
    }
    const device = await addDevice(await addAccount('producer'), 'pump');
    await rights.finishRebuild(await rights.beginRebuild());
    const told: unknown[] = [];
    await watchInto(told);
    const failing = new FailingOnce(redis, keys);
    openProjector({ rights: failing }).start();
    await eventually(async () => expect(told).toEqual([undefined]));
    expect(await rights.has(device)).toBe(true);
    expect(failing.failures).toBeGreaterThan(1);

    openProjector().start();
    await eventually(async () => expect(told).toEqual([undefined, undefined]));
  });

  it('puts right a wrong or unreadable time since when a subscription is active', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const right = await subscribe(consumer, producer);
    openProjector({ reconcileMs: 100 }).start();
    for (const wrong of ['1', 'long ago', '']) {
      await redis.hset(keys.subscriptions(right.accountId), right.item, wrong);
      const since = await activeSinceInPostgres(right);
      await eventually(async () =>
        expect(await rights.entitlement('subscription', right.accountId, right.item)).toEqual({ since }),
      );
    }
  });

  it('leaves what an older version projected under other names alone, and projects everything anew', async () => {
    const producer = await addAccount('producer');
    const device = await addDevice(producer, 'pump');
    const prefix = keys.rightsProjected.slice(0, keys.rightsProjected.indexOf(':'));
    await redis.mset(`${prefix}:rights:projected`, '1');
    await redis.sadd(`${prefix}:devices:${producer}`, 'pump');
    expect(await rights.isComplete()).toBe(false);
    openProjector().start();
    await eventually(async () => expect(await rights.isComplete()).toBe(true));
    expect(await rights.has(device)).toBe(true);
  });

  it('overwrites no change made between reading a page and writing it', async () => {
    const [consumer, producer] = [await addAccount('consumer'), await addAccount('producer')];
    const right = await subscribe(consumer, producer);
    await subscribe(consumer, await addAccount('producer'));
    const gated = new GatedRights(redis, keys);
    openProjector({ rights: gated, redisDeadlineMs: 5_000 }).start();
    await gated.reached.opened;
    await unsubscribe(consumer, producer);
    const change = openProjector().project(right);
    await doneOrLocked(change);
    gated.gate.open();
    await change;
    await eventually(async () => expect(await rights.isComplete()).toBe(true));
    expect(await rights.has(right)).toBe(false);
  });

  it('ends in what PostgreSQL says with many changes and an emptied Redis meanwhile', async () => {
    const consumers = await Promise.all(Array.from({ length: 120 }, () => addAccount('consumer')));
    const producers = await Promise.all([1, 2, 3].map(() => addAccount('producer')));
    await database.sql`
      insert into subscriptions (consumer_id, producer_id)
      select c.id, p.id from users c, users p where c.role = 'consumer' and p.role = 'producer'`;
    const projector = openProjector();
    openProjector({ reconcileMs: 1, pollMs: 1 }).start();
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          const consumer = consumers[Math.floor(Math.random() * consumers.length)] ?? 0n;
          const producer = producers[Math.floor(Math.random() * producers.length)] ?? 0n;
          await projector.project(await (Math.random() < 0.5 ? subscribe : unsubscribe)(consumer, producer));
        }),
      );
      if (round === 10) await emptyRedis();
    }
    await eventually(async () => expect(await rights.isComplete()).toBe(true));
    const [truth, projection] = await bothSides(consumers);
    expect(projection).toEqual(truth);
  });

  it('is not declared finished when Redis lost its data meanwhile', async () => {
    const token = await rights.beginRebuild();
    expect(await rights.isComplete()).toBe(false);
    await emptyRedis();
    expect(await rights.finishRebuild(token)).toBe(false);
    expect(await rights.isComplete()).toBe(false);
    expect(await rights.finishRebuild(await rights.beginRebuild())).toBe(true);
    expect(await rights.isComplete()).toBe(true);
  });
});
