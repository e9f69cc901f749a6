import { Refusal } from '@motience/protocol';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { orLate } from '../or-late.ts';
import type { HttpEnv } from './http-env.ts';
import { hasBody } from './route-guard.ts';

/**
 * Has the whole body there before a handler begins. Refuses one that is too large, comes too slowly, or is not UTF-8:
 * what stands in for its wrong bytes would make one text of many, and one password.
 */
export function readBody(maxBytes: number, withinMs: number) {
  const limitBody = bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new Refusal('too-large', `the body is larger than ${maxBytes} bytes`);
    },
  });
  return createMiddleware<HttpEnv>(async (context, next) => {
    if (hasBody(context.req.raw.headers)) {
      const whole = limitBody(context, async () => refuseOtherThanUtf8(await context.req.arrayBuffer()));
      await arrival(whole, withinMs);
    }
    await next();
  });
}

async function arrival(whole: Promise<unknown>, withinMs: number): Promise<void> {
  try {
    await orLate(whole, withinMs, () => {
      throw new Refusal('invalid-request', `the body did not arrive within ${withinMs / 1000} s`);
    });
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal('invalid-request', 'the body broke off', { cause: error });
  }
}

function refuseOtherThanUtf8(bytes: ArrayBuffer): void {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal('invalid-request', 'expected a body in UTF-8', { cause });
  }
}
