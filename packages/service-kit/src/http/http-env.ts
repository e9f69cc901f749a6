import type { HttpBindings } from '@hono/node-server';
import type { AccessClaims } from '@motience/tokens';
import type { Logger } from '../logger.ts';

/** What every handler of an HTTP service finds in its context. */
export interface HttpEnv {
  Bindings: Partial<HttpBindings>;
  Variables: {
    requestId: string;
    /** Says the request's id with each line. */
    logger: Logger;
    /** What limits are counted by. */
    clientAddress: string;
    /** Aborted when the request was told that its answer is late. */
    late: AbortSignal;
    /** Claims of the access token; there after `authenticate`. */
    claims: AccessClaims;
  };
}
