import { Refusal } from '@motience/protocol';
import { createMiddleware } from 'hono/factory';
import { orLate } from '../or-late.ts';
import type { HttpEnv } from './http-env.ts';

/**
 * Answers `unavailable` when a handler takes longer than `ms`: a database that neither answers nor fails must not hold
 * requests for ever. What the handler does goes on in the background, unless it heeds its client's signal.
 */
export function deadline(ms: number) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    const late = new AbortController();
    context.set('late', late.signal);
    await orLate(next(), ms, () => {
      late.abort();
      throw new Refusal('unavailable', `no answer within ${ms / 1000} s, try again`, { retryAfterSeconds: 2 });
    });
  });
}
