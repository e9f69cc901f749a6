import { Refusal } from '@motience/protocol';
import { createMiddleware } from 'hono/factory';
import type { HttpEnv } from './http-env.ts';

/**
 * Answers `unavailable` when a handler takes longer than `ms`: a database that neither answers nor fails must not hold
 * requests for ever. What the handler does goes on in the background.
 */
export function deadline(ms: number) {
  return createMiddleware<HttpEnv>(async (_context, next) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Refusal('unavailable', `no answer within ${ms / 1000} s, try again`, { retryAfterSeconds: 2 }));
      }, ms);
    });
    try {
      await Promise.race([next(), late]);
    } finally {
      clearTimeout(timer);
    }
  });
}
