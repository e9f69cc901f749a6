import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Keys } from './keys.ts';

/** One right: a live session, a producer's device, or a consumer's subscription to a producer. */
export const rightSchema = z.object({
  kind: z.enum(['session', 'device', 'subscription']),
  accountId: z.string(),
  /** The session's id, the device_id, or the producer's id. */
  item: z.string(),
});
export type Right = z.infer<typeof rightSchema>;

/** What a socket may do when it opens. `items` are a producer's device_ids or the producers a consumer receives. */
export interface AccountRights {
  sessionIsLive: boolean;
  items: Set<string>;
}

/** Rights as they stand in Redis: the projection of what PostgreSQL holds. Reading fails while Redis is away. */
export class RightsStore {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** Makes one right exist, and tells the gateways. Repeating it is harmless. A session lasts `seconds`. */
  async grant(right: Right, seconds: number): Promise<void> {
    await this.write(right, (batch) =>
      right.kind === 'session'
        ? batch.set(this.keys.session(right.item), right.accountId, 'EX', seconds)
        : batch.sadd(this.setKey(right), right.item),
    );
  }

  /** Makes one right cease, and tells the gateways, which cut what stands on it. Repeating it is harmless. */
  async revoke(right: Right): Promise<void> {
    await this.write(right, (batch) =>
      right.kind === 'session'
        ? batch.del(this.keys.session(right.item))
        : batch.srem(this.setKey(right), right.item),
    );
  }

  /** Replaces all devices of a producer, or all subscriptions of a consumer, at once. */
  async replaceAll(kind: 'device' | 'subscription', accountId: string, items: readonly string[]): Promise<void> {
    const key = this.setKey({ kind, accountId });
    const batch = this.redis.multi().del(key);
    if (items.length > 0) batch.sadd(key, ...items);
    await runBatch(batch);
  }

  /** Session ids that Redis holds, a page at a time, to find those PostgreSQL no longer knows. */
  async *sessionIds(): AsyncGenerator<string[]> {
    const prefix = this.keys.session('');
    let cursor = '0';
    do {
      const [next, found] = await this.redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1000);
      cursor = next;
      if (found.length > 0) yield found.map((key) => key.slice(prefix.length));
    } while (cursor !== '0');
  }

  /** Whether the projection is complete. It is not on a Redis that is new or lost its data, until it is rebuilt. */
  async isComplete(): Promise<boolean> {
    return (await this.redis.exists(this.keys.rightsProjected)) === 1;
  }

  /** Declares the projection complete and has every gateway read again what its open sockets stand on. */
  async markComplete(): Promise<void> {
    await this.redis.set(this.keys.rightsProjected, '1');
    await this.redis.publish(this.keys.rightsChanges, rebuilt);
  }

  /** What an account may do with this session; undefined while the projection is not complete. */
  async read(kind: 'device' | 'subscription', accountId: string, sessionId: string): Promise<AccountRights | undefined> {
    const [complete, owner, items] = await Promise.all([
      this.redis.exists(this.keys.rightsProjected),
      this.redis.get(this.keys.session(sessionId)),
      this.redis.smembers(this.setKey({ kind, accountId })),
    ]);
    if (complete !== 1) return undefined;
    return { sessionIsLive: owner === accountId, items: new Set(items) };
  }

  /** Whether one right exists now. */
  async has(right: Right): Promise<boolean> {
    if (right.kind === 'session') return (await this.redis.get(this.keys.session(right.item))) === right.accountId;
    return (await this.redis.sismember(this.setKey(right), right.item)) === 1;
  }

  /**
   * Calls `onChange` with each right that may have changed, and with undefined when any may have. `subscriber` is a
   * connection in subscriber mode; after it was lost and is back, the caller has to read everything again.
   */
  async watch(subscriber: Redis, onChange: (right: Right | undefined) => void): Promise<void> {
    subscriber.on('message', (channel: string, message: string) => {
      if (channel !== this.keys.rightsChanges) return;
      const parsed = message === rebuilt ? undefined : rightSchema.safeParse(JSON.parse(message)).data;
      onChange(parsed);
    });
    await subscriber.subscribe(this.keys.rightsChanges);
  }

  private setKey({ kind, accountId }: Pick<Right, 'kind' | 'accountId'>): string {
    return kind === 'device' ? this.keys.devices(accountId) : this.keys.subscriptions(accountId);
  }

  private async write(right: Right, change: (batch: Batch) => Batch): Promise<void> {
    await runBatch(change(this.redis.multi()));
    await this.redis.publish(this.keys.rightsChanges, JSON.stringify(right));
  }
}

const rebuilt = '*';
type Batch = ReturnType<Redis['multi']>;

/** Runs a transaction and throws the first error of any of its commands. */
async function runBatch(batch: Batch): Promise<void> {
  const replies = await batch.exec();
  const failed = replies?.find(([error]) => error)?.[0];
  if (failed) throw failed;
}
