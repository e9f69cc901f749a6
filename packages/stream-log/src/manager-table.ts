import type { RedisConnection } from './connection.ts';
import { asList, asText, callFunction } from './functions.ts';
import type { Keys } from './keys.ts';

/** A stream manager that has said nothing for so long counts as gone, in ms. */
const lifetimeMs = 3_000;

/** The stream managers that are there, as they tell each other in Redis. */
export class ManagerTable {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {}

  /** Says that a manager is there, for the next 3 seconds, and tells which are, this one among them. */
  async announce(managerId: string): Promise<string[]> {
    const reply = await callFunction(this.redis, 'announce', [this.keys.managers], [managerId, lifetimeMs]);
    return asList(reply).map(asText);
  }

  /** Says that a manager has gone. */
  async leave(managerId: string): Promise<void> {
    await this.redis.zrem(this.keys.managers, managerId);
  }
}
