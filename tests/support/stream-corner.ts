import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { createTestDatabase, createTestRedis } from '../../packages/engines/dist/testing.js';
import { type Role, readingBody } from '../../packages/protocol/dist/index.js';
import {
  BatchWriter,
  createKeys,
  defaultShardCount,
  IngestLog,
  type Keys,
  RetainedStreams,
  RightsStore,
  StreamWriter,
  shardOf,
} from '../../packages/stream-log/dist/index.js';
import { issueToken, secretSigningKey } from '../../packages/tokens/dist/index.js';
import { type AppProcess, runApp } from './app-process.ts';
import { readingsIn } from './readings-in.ts';

const jwtSecret = 'a secret that only the tests know, 40 bytes';

/** Where no PostgreSQL is. */
export const nobody = 'postgres://127.0.0.1:1/none';

/** An account of a test, with a live session. */
export interface TestAccount {
  id: string;
  sessionId: string;
  token: string;
}

/**
 * A corner of a Redis where the stream path runs as if it were alone: its keys, its rights, and the processes on it.
 * `close` ends the processes and removes the keys.
 */
export class StreamCorner {
  readonly keys: Keys;
  readonly rights: RightsStore;
  private readonly processes: AppProcess[] = [];
  private lastAccount = 0;
  private lastFlush = 0;
  private readonly ingest: IngestLog;
  private readonly writer: StreamWriter;

  private constructor(
    readonly redis: Redis,
    readonly prefix: string,
    private readonly url: string,
    private readonly databaseUrl: string,
    private readonly drop: () => Promise<void>,
  ) {
    this.keys = createKeys(prefix);
    this.rights = new RightsStore(redis, this.keys);
    this.ingest = new IngestLog(redis, this.keys, 'tests', 2 ** 30);
    this.writer = new StreamWriter(redis, this.keys, {
      readings: 1_000_000,
      bytes: 2 ** 26,
      ageMs: 60_000,
      shardBytes: 2 ** 28,
      persist: false,
    });
  }

  /** On the run's Redis, or on one that the test owns; with a database, which is gone after. */
  static async open(privateUrl?: string, { database = false } = {}): Promise<StreamCorner> {
    const [shared, testDatabase] = await Promise.all([createTestRedis(), database ? createTestDatabase() : undefined]);
    const url = privateUrl ?? shared.url;
    const redis = new Redis(url);
    redis.on('error', () => {});
    const corner = new StreamCorner(redis, shared.prefix, url, testDatabase?.url ?? nobody, async () => {
      await Promise.all([shared.drop(), testDatabase?.drop()]);
    });
    await corner.completeRights();
    // As the APIs do on a Redis that was restarted.
    redis.on('ready', () => corner.completeRights().catch(() => {}));
    return corner;
  }

  /** Declares the rights in Redis complete. */
  async completeRights(): Promise<void> {
    await this.rights.finishRebuild(await this.rights.beginRebuild());
  }

  /** Runs an app here, on a free port unless `environment` says otherwise. */
  run(app: string, environment: Record<string, string> = {}): AppProcess {
    const running = runApp(app, { ...this.environment, ...environment });
    this.processes.push(running);
    return running;
  }

  /** What an app is configured with that is to run here. */
  get environment(): Record<string, string> {
    return {
      REDIS_URL: this.url,
      REDIS_KEY_PREFIX: this.prefix,
      DATABASE_URL: this.databaseUrl,
      JWT_SECRET: jwtSecret,
      WSS1_PORT: '0',
      WSS2_PORT: '0',
      DSM_PORT: '0',
    };
  }

  /** A new account whose session is live, with its devices or, for a consumer, the producers it is subscribed to. */
  async account(role: Role, items: readonly string[] = []): Promise<TestAccount> {
    this.lastAccount += 1;
    const id = String(this.lastAccount);
    const sessionId = randomUUID();
    await this.rights.grant({ kind: 'session', accountId: id, item: sessionId, seconds: 3_600 });
    const everSince = new Map(items.map((item) => [item, { since: 0 }]));
    if (items.length > 0) await this.rights.replaceAll(role === 'producer' ? 'device' : 'subscription', id, everSince);
    return { id, sessionId, token: await this.token(role, id, sessionId) };
  }

  token(role: Role, accountId: string, sessionId: string, lifetimeSeconds = 3_600): Promise<string> {
    return issueToken(secretSigningKey(jwtSecret), { accountId, role, sessionId }, lifetimeSeconds);
  }

  /** Readings of a producer that wait in its ingest log, in order, as the text that is passed on. */
  async stored(producerId: string): Promise<string[]> {
    const entries = await this.redis.xrangeBuffer(this.keys.ingest(shardOf(producerId, defaultShardCount)), '-', '+');
    const bodies: string[] = [];
    for (const [, fields] of entries) {
      for (let at = 0; at < fields.length; at += 2) {
        const batch = fields[at + 1];
        if (!batch || !fields[at]?.toString().startsWith(`${producerId}:`)) continue;
        bodies.push(...readingsIn(batch).map(({ body }) => body));
      }
    }
    return bodies;
  }

  /** Has readings of one device stored in the ingest log, as one batch, as if it had sent them. */
  async store(producerId: string, data: readonly unknown[], deviceId = 'a'): Promise<void> {
    const batch = new BatchWriter();
    for (const value of data) batch.add(deviceId, this.readingText(producerId, value, deviceId));
    this.lastFlush += 1;
    const shard = shardOf(producerId, defaultShardCount);
    await this.ingest.append(shard, this.lastFlush, [{ producerId, batch, devices: [] }]);
  }

  /** The same, numbered and published at once, as a stream manager does it. */
  async publish(producerId: string, data: readonly unknown[], deviceId = 'a'): Promise<void> {
    await this.store(producerId, data, deviceId);
    await this.apply(producerId);
  }

  /** Numbers and publishes what is stored in the shard of a producer. */
  async apply(producerId: string): Promise<void> {
    await this.writer.apply(shardOf(producerId, defaultShardCount), 100);
  }

  /** Where a stream stands. */
  async head(producerId: string): Promise<{ epoch: string; seq: number }> {
    const retained = new RetainedStreams(this.redis, this.keys, defaultShardCount);
    return (await retained.readAfter(producerId, { epoch: 'none', seq: 0 }, 1)).head;
  }

  /** What Redis knows of a stream. */
  streamState(producerId: string): Promise<Record<string, string>> {
    return this.redis.hgetall(this.streamKey(producerId));
  }

  streamKey(producerId: string): string {
    return this.keys.stream(shardOf(producerId, defaultShardCount), producerId);
  }

  /** Numbers and retains one reading as a stream manager does it, of which nobody is told. */
  async retainUntold(producerId: string, data: unknown): Promise<void> {
    const shard = shardOf(producerId, defaultShardCount);
    const { epoch, head } = await this.redis.hgetall(this.keys.stream(shard, producerId));
    const seq = Number(head) + 1;
    const batch = new BatchWriter();
    batch.add('a', this.readingText(producerId, data));
    const entry = `${Date.now()}:${epoch}:${seq}:1`;
    await this.redis
      .multi()
      .xadd(this.keys.retained(shard, producerId), `${seq}-0`, entry, batch.bytes())
      .hset(this.keys.stream(shard, producerId), 'head', seq)
      .exec();
  }

  /** A reading's text up to where its `seq` goes. */
  readingText(producerId: string, data: unknown, deviceId = 'a'): string {
    const dataText = JSON.stringify(data);
    return readingBody(producerId, { deviceId, timestamp: '2025-01-29T11:35:00Z', sequence: undefined, dataText });
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((running) => running.end('SIGKILL')));
    this.redis.disconnect();
    await this.drop();
  }
}
