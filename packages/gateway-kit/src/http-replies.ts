import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import { errorTable, Refusal } from '@motience/protocol';
import { clientAddress, type Logger } from '@motience/service-kit';

/** Answers with a refusal as the contract has it; any page may read it only where it says so. */
export function replyRefusal(
  response: HttpResponse,
  refusal: Refusal,
  requestId: string,
  { toAnyOrigin = false } = {},
): void {
  const { kind, message, retryAfterSeconds } = refusal;
  const retryAfter = retryAfterSeconds === undefined ? undefined : String(Math.ceil(retryAfterSeconds));
  const body = { error: { kind, message, request_id: requestId } };
  reply(response, errorTable[kind].http ?? 500, body, { retryAfter, toAnyOrigin });
}

/** Answers once `work` is done. */
export function replyLater(
  response: HttpResponse,
  work: Promise<{ status: number; body: unknown }>,
  logger: Logger,
): void {
  let aborted = false;
  response.onAborted(() => {
    aborted = true;
  });
  work.then(
    ({ status, body }) => {
      if (!aborted) reply(response, status, body);
    },
    (error: unknown) => {
      const requestId = randomUUID();
      logger.error({ err: error, request_id: requestId }, 'internal error');
      if (!aborted) replyRefusal(response, new Refusal('internal', 'an internal error'), requestId);
    },
  );
}

/** Answers with JSON, or with a text as it is. */
export function reply(
  response: HttpResponse,
  status: number,
  body: unknown,
  { retryAfter, toAnyOrigin }: { retryAfter?: string | undefined; toAnyOrigin?: boolean } = {},
): void {
  response.cork(() => {
    response.writeStatus(`${status}`);
    response.writeHeader('content-type', typeof body === 'string' ? 'text/plain; version=0.0.4' : 'application/json');
    response.writeHeader('x-content-type-options', 'nosniff');
    if (toAnyOrigin) allowAnyOrigin(response);
    if (retryAfter !== undefined) response.writeHeader('retry-after', retryAfter);
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** Any page may ask, as it may open a socket: what counts is the token, which no browser sends by itself. */
export function allowAnyOrigin(response: HttpResponse): void {
  response.writeHeader('access-control-allow-origin', '*');
}

/** An address opened more sockets or event streams than it may. */
export function tooManySockets(perMinute: number, retryAfterSeconds: number): Refusal {
  return new Refusal('rate-limited', `more than ${perMinute} new sockets per address per minute`, {
    retryAfterSeconds,
  });
}

/** Where a request comes from, as far as the proxies are trusted. */
export function addressOf(response: HttpResponse, request: HttpRequest, trustProxy: number): string {
  return clientAddress(socketAddress(response), request.getHeader('x-forwarded-for') || undefined, trustProxy);
}

/** Where a connection comes from. */
export function socketAddress(response: HttpResponse): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString('latin1');
}
