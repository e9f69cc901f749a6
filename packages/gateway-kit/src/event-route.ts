import type { HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import { Refusal } from '@motience/protocol';
import type { Logger } from '@motience/service-kit';
import { EventStream } from './event-stream.ts';
import { addressOf, allowAnyOrigin, replyOtherMethod, replyRefusal, tooManySockets } from './http-replies.ts';
import { readUpgrade, type UpgradeRequest } from './token-of-request.ts';

/** `GET` of a path that answers with server-sent events. */
export interface EventRoute {
  path: string;
  /** Writes the events, now and later. Throws a Refusal, which is answered over HTTP, before it writes anything. */
  serve(stream: EventStream, request: EventRequest): Promise<void>;
}

export interface EventRequest extends UpgradeRequest {
  /** The `id` of the last event that was received, from the header of that name; empty if there is none. */
  lastEventId: string;
}

/** Most event streams open at once. */
const maxEventStreams = 100_000;

interface EventRouteContext {
  trustProxy: number;
  newSocketsPerMinute: number;
  logger: Logger;
  takeNewSocket(address: string): number;
  isListening(): boolean;
  /** Those that are open. */
  eventStreams: Set<EventStream>;
}

/** Adds the route, and what a browser asks before it uses it from another page. */
export function addEventRoute(app: TemplatedApp, { path, serve }: EventRoute, context: EventRouteContext): void {
  const { logger, eventStreams } = context;
  app.options(path, (response) => {
    response.writeStatus('204');
    allowAnyOrigin(response);
    response.writeHeader('access-control-allow-headers', 'authorization, last-event-id, cache-control');
    response.writeHeader('access-control-max-age', '600');
    response.endWithoutBody();
  });
  app.any(path, (response, request) => replyOtherMethod(response, request, 'GET, OPTIONS'));
  app.get(path, (response, request) => {
    const requestId = randomUUID();
    const waitSeconds = context.takeNewSocket(addressOf(response, request, context.trustProxy));
    if (waitSeconds > 0) {
      return refuse(response, tooManySockets(context.newSocketsPerMinute, waitSeconds), requestId);
    }
    if (!context.isListening() || eventStreams.size >= maxEventStreams) {
      return refuse(response, new Refusal('unavailable', 'try again', { retryAfterSeconds: 1 }), requestId);
    }
    const eventRequest = { ...readUpgrade(request), lastEventId: request.getHeader('last-event-id') };
    const stream = new EventStream(response, requestId);
    eventStreams.add(stream);
    void stream.ended.then(() => eventStreams.delete(stream));
    serve(stream, eventRequest).catch((error: unknown) => {
      if (!(error instanceof Refusal)) logger.error({ err: error, request_id: requestId }, 'internal error');
      const refusal = error instanceof Refusal ? error : new Refusal('internal', 'an internal error');
      const unanswered = stream.giveBack();
      if (unanswered) refuse(unanswered, refusal, requestId);
      else stream.end();
    });
  });
}

function refuse(response: HttpResponse, refusal: Refusal, requestId: string): void {
  replyRefusal(response, refusal, requestId, { toAnyOrigin: true });
}
