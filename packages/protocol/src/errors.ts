import { z } from 'zod';

/**
 * The closed list of everything that can be refused, and the one table that says how each kind looks
 * over HTTP and on a socket. `http: null` means the kind only happens on sockets; `close: null` means
 * the socket gets an error frame and stays open. `forbidden` and `invalid-request` close it only when it
 * opens; later they are an error frame.
 */
export const errorTable = {
  'invalid-request': { http: 400, close: 4502 },
  unauthenticated: { http: 401, close: 4500 },
  'token-expired': { http: 401, close: 4003 },
  'payment-required': { http: 402, close: null },
  forbidden: { http: 403, close: 4501 },
  'not-found': { http: 404, close: null },
  'method-not-allowed': { http: 405, close: null },
  conflict: { http: 409, close: null },
  'too-large': { http: 413, close: 1009 },
  'unsupported-media': { http: 415, close: null },
  'rate-limited': { http: 429, close: 4000 },
  'slow-consumer': { http: null, close: 4001 },
  internal: { http: 500, close: 1011 },
  unavailable: { http: 503, close: 4002 },
} as const satisfies Record<string, { http: number | null; close: number | null }>;

export type ErrorKind = keyof typeof errorTable;

/** Kinds an HTTP service can answer with. */
export type HttpErrorKind = {
  [K in ErrorKind]: (typeof errorTable)[K]['http'] extends number ? K : never;
}[ErrorKind];

/** Kinds that can end a socket. */
export type ClosingErrorKind = {
  [K in ErrorKind]: (typeof errorTable)[K]['close'] extends number ? K : never;
}[ErrorKind];

export const errorKinds = Object.keys(errorTable).filter((key): key is ErrorKind => key in errorTable);

/** Close code of a planned stop (RFC 6455 "going away"): reconnect with backoff. */
export const goingAwayCode = 1001;

/** One mistake in a request: where it is (`data.temperature`, empty for the whole) and what was expected. */
export interface FieldError {
  path: string;
  message: string;
}

interface RefusalOptions {
  details?: FieldError[];
  /** How long to wait before trying again, in seconds; only with `rate-limited` and `unavailable`. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** A refusal of a known kind, thrown where it is noticed and turned into a reply at the edge. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly kind: ErrorKind;
  readonly details: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: ErrorKind, message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.details = options.details;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/**
 * Turns zod's issues into field errors, so that the answer names each field, once, and what was expected there: of what
 * is wrong with a field, the first that was checked.
 */
export function fieldErrors(error: z.core.$ZodError): FieldError[] {
  const byPath = new Map<string, FieldError>();
  for (const issue of error.issues) {
    for (const found of errorsOf(issue)) if (!byPath.has(found.path)) byPath.set(found.path, found);
  }
  return [...byPath.values()];
}

function errorsOf(issue: z.core.$ZodIssue): FieldError[] {
  const at = issue.path.map(String);
  return issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: [...at, key].join('.'), message: 'is not a known field' }))
    : [{ path: at.join('.'), message: issue.message }];
}

const maxDescribedErrors = 8;
const maxDescriptionLength = 1_000;

/**
 * One line of text for a list of field errors: `timestamp: expected RFC 3339; data: expected an object`. Of many only
 * the first are named, and the text is cut, because names of fields come from whoever made the mistake.
 */
export function describeFieldErrors(errors: FieldError[]): string {
  const texts = errors
    .slice(0, maxDescribedErrors)
    .map(({ path, message }) => (path ? `${path}: ${message}` : message));
  if (errors.length > texts.length) texts.push(`and ${errors.length - texts.length} more`);
  const text = texts.join('; ');
  return text.length <= maxDescriptionLength ? text : `${text.slice(0, maxDescriptionLength - 1).toWellFormed()}…`;
}

/** Body of every HTTP error. */
export const errorBodySchema = z.object({
  error: z.object({
    kind: z.string(),
    message: z.string(),
    details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    request_id: z.string(),
  }),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

/** What a close code means and whether reconnecting by itself can help, in words for people. */
export function explainClose(code: number): { meaning: string; reconnect: boolean } {
  const known = closeMeanings.get(code);
  if (known) return { meaning: known, reconnect: code < 4500 && code !== 1009 };
  if (code >= 4500) return { meaning: 'the server refuses this connection', reconnect: false };
  if (code >= 4000) return { meaning: 'the server asks to reconnect', reconnect: true };
  return { meaning: 'the connection ended', reconnect: true };
}

const closeMeanings = new Map<number, string>([
  [1000, 'closed normally'],
  [1001, 'the server is stopping or restarting'],
  [1006, 'the connection was cut without a goodbye (network, or the server could not be reached)'],
  [1009, 'a frame was too large'],
  [1011, 'an internal error on the server'],
  [4000, 'rate limited: too much in too short a time'],
  [4001, 'slow consumer: readings arrived faster than they were read'],
  [4002, 'temporarily unavailable'],
  [4003, 'the access token or API key has expired'],
  [4500, 'not signed in: the token is missing, invalid or revoked'],
  [4501, 'this account may not use this socket'],
  [4502, 'the address of the socket asks for something that there is not'],
]);
