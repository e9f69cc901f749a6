import { Refusal } from '@motience/protocol';
import { createMiddleware } from 'hono/factory';
import { orLate } from '../or-late.ts';
import type { HttpEnv } from './http-env.ts';

/**
 * Answers `unavailable` when a handler takes longer than `ms`: a database that neither answers nor fails must not hold
 * requests for ever. What the handler does goes on in the background.
 */
export function deadline(ms: number) {
  return createMiddleware<HttpEnv>(async (_context, next) => {
    await orLate(next(), ms, () => {
      throw new Refusal('unavailable', `no answer within ${ms / 1000} s, try again`, { retryAfterSeconds: 2 });
    });
  });
}
