/** What the peers' servers have in common: how they are started and where they tell their port. */

type Role = 'producer' | 'consumer';

const { env } = process;

/** Which socket this process serves. */
export const role: Role = env.ROLE === 'consumer' ? 'consumer' : 'producer';

export const redisUrl = env.REDIS_URL ?? '';

/** Tells the parent where we listen; from then on we end with it. */
export function reportPort(port: number): void {
  process.on('disconnect', () => process.exit());
  process.send?.({ type: 'listening', port });
}

/** The streams named in a request's query: `ids=1,2`. */
export function idsIn(query: string): string[] {
  return (new URLSearchParams(query).get('ids') ?? '').split(',');
}

/** The Redis channel of a stream. */
export const channelOf = (id: string): string => `stream:${id}`;
