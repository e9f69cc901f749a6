import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import { errorTable, Refusal } from '@motience/protocol';
import { clientAddress, type Logger } from '@motience/service-kit';

/** Answers with a refusal as the contract has it; any page may read it only where it says so. */
export function replyRefusal(
  response: HttpResponse,
  refusal: Refusal,
  requestId: string,
  options: Omit<ReplyOptions, 'retryAfter'> = {},
): void {
  const { kind, message, retryAfterSeconds } = refusal;
  const retryAfter = retryAfterSeconds === undefined ? undefined : String(Math.ceil(retryAfterSeconds));
  const body = { error: { kind, message, request_id: requestId } };
  reply(response, errorTable[kind].http ?? 500, body, { ...options, retryAfter });
}

/** Refuses a request for a path that takes other methods. */
export function replyOtherMethod(response: HttpResponse, request: HttpRequest, allow: string): void {
  const refusal = new Refusal('method-not-allowed', `this path takes ${allow}`);
  replyRefusal(response, refusal, randomUUID(), { allow, isHead: isHead(request) });
}

/** Whether only the head of the answer is asked for. */
export function isHead(request: HttpRequest): boolean {
  return request.getMethod() === 'head';
}

/** Answers once `work` is done. */
export function replyLater(
  response: HttpResponse,
  work: Promise<{ status: number; body: unknown }>,
  logger: Logger,
  options: Pick<ReplyOptions, 'isHead'> = {},
): void {
  let aborted = false;
  response.onAborted(() => {
    aborted = true;
  });
  work.then(
    ({ status, body }) => {
      if (!aborted) reply(response, status, body, options);
    },
    (error: unknown) => {
      const requestId = randomUUID();
      logger.error({ err: error, request_id: requestId }, 'internal error');
      if (!aborted) replyRefusal(response, new Refusal('internal', 'an internal error'), requestId, options);
    },
  );
}

interface ReplyOptions {
  retryAfter?: string | undefined;
  /** The methods that a path takes. */
  allow?: string | undefined;
  toAnyOrigin?: boolean;
  /** Of what asked with HEAD, which is answered with the head alone. */
  isHead?: boolean;
}

/** Answers with JSON, or with a text as it is. */
export function reply(
  response: HttpResponse,
  status: number,
  body: unknown,
  { retryAfter, allow, toAnyOrigin = false, isHead = false }: ReplyOptions = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.cork(() => {
    response.writeStatus(`${status}`);
    response.writeHeader('content-type', typeof body === 'string' ? 'text/plain; version=0.0.4' : 'application/json');
    response.writeHeader('x-content-type-options', 'nosniff');
    if (toAnyOrigin) allowAnyOrigin(response);
    if (retryAfter !== undefined) response.writeHeader('retry-after', retryAfter);
    if (allow !== undefined) response.writeHeader('allow', allow);
    if (!isHead) {
      response.end(text);
      return;
    }
    // With the length as its argument, endWithoutBody would not count as an answer.
    response.writeHeader('content-length', String(Buffer.byteLength(text)));
    response.endWithoutBody();
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
