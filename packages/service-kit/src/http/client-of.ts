import type { Context } from 'hono';
import type { HttpEnv } from './http-env.ts';

/** Who waits for the answer to a request. */
export interface Client {
  /** What limits are counted by. */
  address: string;
  /** Aborted when the connection has gone before the answer, or when the answer is late. */
  signal: AbortSignal;
}

export function clientOf(context: Context<HttpEnv>): Client {
  return {
    address: context.get('clientAddress'),
    get signal() {
      return AbortSignal.any([context.req.raw.signal, context.get('late')]);
    },
  };
}
