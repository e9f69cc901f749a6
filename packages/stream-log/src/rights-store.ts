import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { allMasters, masterOf, type RedisConnection, slotOf } from './connection.ts';
import { asText, callFunction } from './functions.ts';
import type { Keys } from './keys.ts';
import { entitlementText, itemsKey, RightsReader, readEntitlement } from './rights-reader.ts';
import { shardOf } from './shards.ts';
import type { Subscriber } from './subscriber.ts';

/** One right: a live session, a producer's device, or a consumer's subscription to a producer. */
const rightSchema = z.object({
  kind: z.enum(['session', 'device', 'subscription']),
  accountId: z.string(),
  /** The session's id, the device_id, or the producer's id. */
  item: z.string(),
});
export type Right = z.infer<typeof rightSchema>;

/** What an account has of an item. */
export interface Entitlement {
  /** Since when it has been subscribed without a break, in ms since 1970; 0 for a device. */
  since: number;
  /** The subscription that what is delivered counts for; undefined where nothing is counted. */
  subscriptionId?: string | undefined;
}

/** How long a session lasts from now, undefined: for ever; and, if it is an API key, what is known of it, opaque here. */
interface SessionTerms {
  seconds: number | undefined;
  apiKey?: string | undefined;
}

/** A right that exists. */
export type Grant =
  | ({ kind: 'session'; accountId: string; item: string } & SessionTerms)
  | { kind: 'device'; accountId: string; item: string }
  | ({ kind: 'subscription'; accountId: string; item: string } & Entitlement);

/** What a socket may do when it opens. `items` are a producer's device_ids, or the producers a consumer receives. */
export interface AccountRights {
  sessionIsLive: boolean;
  items: Map<string, Entitlement>;
}

/** A live session, or an API key, which is one. */
export interface SessionRight extends SessionTerms {
  sessionId: string;
  accountId: string;
}

/** Rights that are kept as one hash per account. */
export type ItemKind = Exclude<Right['kind'], 'session'>;

/** Rights as they stand in Redis: the projection of what PostgreSQL holds. Reading fails while Redis is away. */
export class RightsStore {
  private readonly reader: RightsReader;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {
    this.reader = new RightsReader(redis, keys);
  }

  /** Whether what is asked now is sent to Redis at once; otherwise it waits until Redis is back. */
  get isConnected(): boolean {
    return this.redis.status === 'ready';
  }

  /** Names the master that holds a right, as far as that is known by now; one that stands alone is its own. */
  masterOf({ kind, accountId, item }: Right): string {
    const key = kind === 'session' ? this.keys.session(item) : this.itemsKey(kind, accountId);
    const { host, port } = masterOf(this.redis, slotOf(key))?.options ?? {};
    return `${host}:${port}`;
  }

  /** Makes one right exist, and tells the gateways. Repeating it is harmless. */
  async grant(grant: Grant): Promise<void> {
    if (grant.kind === 'session') {
      await this.putSession({ ...grant, sessionId: grant.item });
    } else {
      const text = entitlementText(grant.kind === 'device' ? { since: 0 } : grant);
      await this.redis.hset(this.itemsKey(grant.kind, grant.accountId), grant.item, text);
    }
    await this.announce(grant);
  }

  /** Makes one right cease, and tells the gateways, which cut what stands on it. Repeating it is harmless. */
  async revoke(right: Right): Promise<void> {
    if (right.kind === 'session') await this.deleteSession(right.item);
    else await this.redis.hdel(this.itemsKey(right.kind, right.accountId), right.item);
    await this.announce(right);
    if (right.kind === 'device') await this.forgetSequence(right);
  }

  /** Replaces all devices of a producer, or all subscriptions of a consumer, at once. Whether that changed anything. */
  async replaceAll(kind: ItemKind, accountId: string, items: ReadonlyMap<string, Entitlement>): Promise<boolean> {
    const key = this.itemsKey(kind, accountId);
    const held = new Map(Object.entries(await this.redis.hgetall(key)));
    const texts = [...items].map(([item, entitlement]): [string, string] => [item, entitlementText(entitlement)]);
    if (held.size === items.size && texts.every(([item, text]) => held.get(item) === text)) return false;
    await this.redis.eval(replaceHash, 1, key, ...texts.flat());
    return true;
  }

  /** Makes each of these sessions live, for as long as it says. Whether that changed more than how long they last. */
  async putSessions(sessions: readonly SessionRight[]): Promise<boolean> {
    const changed = await Promise.all(sessions.map((session) => this.putSession(session)));
    return changed.includes(true);
  }

  /** Ends sessions without naming each to the gateways; follow it by `announceAll`. */
  async dropSessions(sessionIds: readonly string[]): Promise<void> {
    await Promise.all(sessionIds.map((sessionId) => this.deleteSession(sessionId)));
  }

  /** Session ids that Redis holds, a page at a time, to find those PostgreSQL no longer knows. */
  sessionIds(): AsyncGenerator<string[]> {
    return this.scan(this.keys.session(''));
  }

  /** Accounts that Redis holds rights of this kind for, a page at a time. */
  accountIds(kind: ItemKind): AsyncGenerator<string[]> {
    return this.scan(this.itemsKey(kind, ''));
  }

  /**
   * Whether the projection is complete. It is not on a Redis that is new, was restarted, was restored or has taken over,
   * until it is rebuilt.
   */
  async isComplete(): Promise<boolean> {
    return (await this.reader.completeInLife()) !== undefined;
  }

  /** Starts a rebuild; `finishRebuild` wants the token. The projection is not complete until then. */
  async beginRebuild(): Promise<string> {
    const token = randomUUID();
    await callFunction(this.redis, 'beginRebuild', [this.keys.rightsProjected], [token]);
    return token;
  }

  /**
   * Declares the projection complete, unless Redis was restarted or lost its data, or another rebuild began, since this
   * one did; then it answers false.
   */
  async finishRebuild(token: string): Promise<boolean> {
    const done = await callFunction(this.redis, 'finishRebuild', [this.keys.rightsProjected], [token]);
    if (asText(done) !== '1') return false;
    await this.announceAll();
    return true;
  }

  /** Has every gateway read again what its open sockets stand on. */
  async announceAll(): Promise<void> {
    await this.redis.spublish(this.keys.rightsChanges, rebuilt);
  }

  /**
   * Names the Redis process that answers, and in a cluster all its masters; another one, or the same one restarted, may
   * have forgotten what it was told.
   */
  async serverId(): Promise<string> {
    const masters = await allMasters(this.redis);
    const infos = await Promise.all(masters.map((master) => master.info('server')));
    return infos
      .map((info) => /run_id:(\w+)/.exec(info)?.[1] ?? '')
      .sort()
      .join(' ');
  }

  /** What an account may do with this session; undefined while the projection is not complete. */
  read(kind: ItemKind, accountId: string, sessionId: string): Promise<AccountRights | undefined> {
    return this.reader.read(kind, accountId, sessionId);
  }

  /**
   * What is known of an API key, as it was granted; without text if there is no such key. Undefined while the projection is
   * not complete.
   */
  async readApiKey(id: string): Promise<{ text: string | undefined } | undefined> {
    const [before, text, after] = await Promise.all([
      this.reader.completeInLife(),
      this.redis.get(this.keys.apiKey(id)),
      this.reader.completeInLife(),
    ]);
    return before === undefined || before !== after ? undefined : { text: text ?? undefined };
  }

  /** Notes that an API key was used, `at` in ms since 1970. */
  async noteApiKeyUse(id: string, at: number): Promise<void> {
    await this.redis.zadd(this.keys.usedApiKeys, 'GT', at, id);
  }

  /** Takes some of the API keys that were used since they were taken last, each with when, in ms since 1970. */
  async takeUsedApiKeys(count: number): Promise<{ id: string; at: number }[]> {
    const taken = await this.redis.zpopmin(this.keys.usedApiKeys, count);
    return taken.flatMap((id, index) => (index % 2 === 0 ? [{ id, at: Number(taken[index + 1]) }] : []));
  }

  /** Whether one right exists now. */
  async has({ kind, accountId, item }: Right): Promise<boolean> {
    if (kind === 'session') return (await this.redis.get(this.keys.session(item))) === accountId;
    return (await this.entitlement(kind, accountId, item)) !== undefined;
  }

  /** What an account has of a device or a producer; undefined if it has no such right. */
  async entitlement(kind: ItemKind, accountId: string, item: string): Promise<Entitlement | undefined> {
    return readEntitlement(await this.redis.hget(this.itemsKey(kind, accountId), item));
  }

  /**
   * Calls `onChange` with each right that may have changed, and with undefined when any may have, which is also what
   * something unreadable means. From `onLost` on changes may be missed; at `onBack` they are heard again, and the caller
   * has to read everything again.
   */
  async watch(
    subscriber: Subscriber,
    { onChange, ...rest }: { onChange(right: Right | undefined): void; onLost(): void; onBack(): void },
  ): Promise<void> {
    const onMessage = (message: Buffer) => onChange(rightIn(message.toString()));
    await subscriber.subscribe(this.keys.rightsChanges, { onMessage, ...rest });
  }

  /** Whether that changed more than how long it lasts. */
  private async putSession({ sessionId, accountId, seconds, apiKey }: SessionRight): Promise<boolean> {
    const put = (key: string, text: string) =>
      seconds === undefined ? this.redis.set(key, text, 'GET') : this.redis.set(key, text, 'EX', seconds, 'GET');
    const owner = await put(this.keys.session(sessionId), accountId);
    const known = apiKey === undefined ? undefined : await put(this.keys.apiKey(sessionId), apiKey);
    return owner !== accountId || known !== apiKey;
  }

  /** The session last: one that is left behind is found by it. */
  private async deleteSession(sessionId: string): Promise<void> {
    await this.redis.del(this.keys.apiKey(sessionId));
    await this.redis.del(this.keys.session(sessionId));
  }

  /** A device made again under the name of a former one begins anew, and names that come and go leave nothing behind. */
  private async forgetSequence({ accountId, item }: Right): Promise<void> {
    const shardCount = Number(await this.redis.get(this.keys.shardCount));
    // Before the first gateway has started there are no shards, and no sequences.
    if (shardCount > 0) await this.redis.hdel(this.keys.sequences(shardOf(accountId, shardCount), accountId), item);
  }

  private itemsKey(kind: ItemKind, accountId: string): string {
    return itemsKey(this.keys, kind, accountId);
  }

  private async announce({ kind, accountId, item }: Right): Promise<void> {
    await this.redis.spublish(this.keys.rightsChanges, JSON.stringify({ kind, accountId, item } satisfies Right));
  }

  /** What comes after `prefix` in the names of all keys that begin with it. */
  private async *scan(prefix: string): AsyncGenerator<string[]> {
    for (const master of await allMasters(this.redis)) {
      let cursor = '0';
      do {
        const [next, found] = await master.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1000);
        cursor = next;
        if (found.length > 0) yield found.map((key) => key.slice(prefix.length));
      } while (cursor !== '0');
    }
  }
}

const rebuilt = '*';
const replaceHash = `
redis.call('DEL', KEYS[1])
for at = 1, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
return 1`;

/** The right that a published change names; undefined when it names none. */
function rightIn(message: string): Right | undefined {
  if (message === rebuilt) return undefined;
  try {
    return rightSchema.parse(JSON.parse(message));
  } catch {
    return undefined;
  }
}
