import { type ErrorKind, errorBodySchema, errorTable, Refusal } from '@motience/protocol';
import type { z } from 'zod';

/** The part of `fetch` the SDK uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Whole address, query included. Never holds a token. */
  url: string;
  body?: unknown;
  accessToken?: string | undefined;
  timeoutMs?: number;
}

const defaultTimeoutMs = 15_000;

/**
 * Sends a request and checks the answer against `schema`. Everything that goes wrong comes as a `Refusal`: the service's
 * own refusal with its kind and field errors; `unavailable` if it cannot be reached or does not answer in time;
 * `internal` if it answers something that is not the contract.
 */
export async function request<Schema extends z.ZodType>(
  fetch: Fetch,
  { method, url, body, accessToken, timeoutMs = defaultTimeoutMs }: HttpRequest,
  schema: Schema,
): Promise<z.infer<Schema>> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    text = await response.text();
  } catch (cause) {
    // No more than this is known: a browser does not tell a service that is away from one that lets no page in (CORS).
    const isLate = cause instanceof Error && cause.name === 'TimeoutError';
    const within = isLate ? ` within ${timeoutMs / 1000} s` : '';
    throw new Refusal('unavailable', `no answer from ${new URL(url).origin}${within}`, { cause });
  }
  const answer = parseJson(text);
  if (!response.ok) throw refusalFrom(response, answer);
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new Refusal('internal', `${method} ${new URL(url).pathname} gave an unexpected answer`, {
    cause: parsed.error,
  });
}

/** What a response that is no success says. */
export async function readRefusal(response: Response): Promise<Refusal> {
  return refusalFrom(response, parseJson(await response.text()));
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusalFrom(response: Response, answer: unknown): Refusal {
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retry = Number.isFinite(retryAfter) && retryAfter >= 0 ? { retryAfterSeconds: retryAfter } : {};
  const parsed = errorBodySchema.safeParse(answer);
  if (!parsed.success) {
    return new Refusal(kindOfStatus(response.status), `the service answered with status ${response.status}`, retry);
  }
  const { kind, message, details } = parsed.data.error;
  return new Refusal(isErrorKind(kind) ? kind : kindOfStatus(response.status), message, {
    ...(details === undefined ? {} : { details }),
    ...retry,
  });
}

/** Whether a text is one of the contract's error kinds. */
export function isErrorKind(kind: string): kind is ErrorKind {
  return Object.hasOwn(errorTable, kind);
}

/** A proxy or gateway in between answers without our error body; its status still says what kind it is. */
function kindOfStatus(status: number): ErrorKind {
  for (const [kind, { http }] of Object.entries(errorTable)) {
    if (http === status && isErrorKind(kind)) return kind;
  }
  return status >= 502 && status <= 504 ? 'unavailable' : status >= 500 ? 'internal' : 'invalid-request';
}
