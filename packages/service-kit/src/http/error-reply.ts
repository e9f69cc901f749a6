import { describeFieldErrors, type ErrorBody, errorTable, fieldErrors, Refusal } from '@motience/protocol';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import { errorCode } from '../describe-error.ts';
import type { HttpEnv } from './http-env.ts';

/** Turns whatever a handler threw into the reply the contract says. Says nothing about errors that are not refusals. */
export function replyToError(error: unknown, context: Context<HttpEnv>): Response {
  const refusal = asRefusal(error);
  if (refusal.kind === 'internal') context.get('logger').error({ err: error }, 'internal error');
  if (refusal.kind === 'unavailable' && !context.req.raw.signal.aborted) {
    // Where nothing failed, because something is full or late, there is nothing more to tell than why.
    context.get('logger').warn(refusal.cause ? { err: error } : { why: refusal.message }, 'unavailable');
  }

  const status = errorTable[refusal.kind].http ?? 500;
  const body: ErrorBody = {
    error: {
      kind: refusal.kind,
      message: refusal.message,
      ...(refusal.details ? { details: refusal.details } : {}),
      request_id: context.get('requestId'),
    },
  };
  if (refusal.retryAfterSeconds !== undefined)
    context.header('retry-after', String(Math.ceil(refusal.retryAfterSeconds)));
  if (status === 401) context.header('www-authenticate', 'Bearer realm="motience"');
  return context.json(body, status satisfies ContentfulStatusCode);
}

/** `invalid-request` with the path of each field that is wrong; the path of the whole is `body`. */
export function invalidRequest(error: z.core.$ZodError): Refusal {
  const details = fieldErrors(error).map(({ path, message }) => ({ path: path || 'body', message }));
  return new Refusal('invalid-request', describeFieldErrors(details), { details });
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return errorTable[error.kind].http === null ? internal(error) : error;
  if (error instanceof HTTPException && error.status === 400) {
    return new Refusal('invalid-request', 'the body is not valid JSON', { cause: error });
  }
  if (wasCancelled(error)) {
    const message = 'it took longer than it may; ask for less, or try again later';
    return new Refusal('unavailable', message, { cause: error, retryAfterSeconds: 5 });
  }
  if (isEngineAway(error)) {
    return new Refusal('unavailable', 'temporarily unavailable, try again', { cause: error, retryAfterSeconds: 2 });
  }
  return internal(error);
}

function internal(cause: unknown): Refusal {
  return new Refusal('internal', 'an error on our side; the request id helps to find it', { cause });
}

const awayCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  // postgres.js
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
]);
/** PostgreSQL's classes 08 (connection), 53 (out of resources), 57P (shutting down or starting), 25006 (a standby). */
const awaySqlState = /^(08...|53...|57P..|25006)$/;
const awayRedisMessage =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|OOM|MISCONF)\b|^Connection is closed|Stream isn't writeable|Command timed out|^Reached the max retries/;

/** PostgreSQL's code for a statement that was cancelled, as by its timeout. */
const cancelled = '57014';

function wasCancelled(error: unknown): boolean {
  return causesOf(error).some((cause) => errorCode(cause) === cancelled);
}

/** Whether an error says that PostgreSQL or Redis is away, so that the same request may succeed later. */
export function isEngineAway(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    const code = errorCode(cause);
    if (code !== undefined && (awayCodes.has(code) || awaySqlState.test(code))) return true;
    return awayRedisMessage.test(cause.message);
  });
}

const deepestCause = 5;

/** An error and what caused it, as far as that goes. */
function causesOf(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > deepestCause) return [];
  const inner = error instanceof AggregateError ? [...error.errors, error.cause] : [error.cause];
  return [error, ...inner.flatMap((cause) => causesOf(cause, depth + 1))];
}
