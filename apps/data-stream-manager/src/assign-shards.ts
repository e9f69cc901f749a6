import { createHash } from 'node:crypto';

/**
 * The shards of one manager, of those that are there, by rendezvous hashing: each shard goes to the manager for which
 * the hash of both is highest. So all that know of the same managers agree without talking, and when one comes or goes
 * only its own shards move.
 */
export function shardsOf(manager: string, managers: readonly string[], shardCount: number): number[] {
  const shards = Array.from({ length: shardCount }, (_, shard) => shard);
  return shards.filter((shard) => ownerOf(shard, managers) === manager);
}

function ownerOf(shard: number, managers: readonly string[]): string | undefined {
  let [owner, highest] = [undefined as string | undefined, ''];
  for (const manager of managers) {
    const weight = createHash('sha256').update(`${manager} ${shard}`).digest('hex');
    if (weight > highest) [owner, highest] = [manager, weight];
  }
  return owner;
}
