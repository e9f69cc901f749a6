import type { EventRequest } from '@motience/gateway-kit';
import { describeFieldErrors, eventIdSchema, eventQuerySchema, fieldErrors, Refusal } from '@motience/protocol';
import type { Position } from '@motience/stream-log';
import { type Narrowing, narrowingOf } from './narrowing.ts';

/** What is asked for: one stream, narrowed, or after a position. */
export interface EventWish {
  producerId: string;
  narrowing: Narrowing;
  after: Position | undefined;
}

/** What a request asks for. Throws a Refusal that names the field if it is not right. */
export function readWish({ query, lastEventId }: EventRequest): EventWish {
  const parameters = new URLSearchParams(query);
  const fields = parameters.has('fields') ? { fields: parameters.getAll('fields') } : {};
  const asked = eventQuerySchema.safeParse({ ...Object.fromEntries(parameters), ...fields });
  if (!asked.success) throw new Refusal('invalid-request', describeFieldErrors(fieldErrors(asked.error)));
  const { producer_id: producerId, last_event_id: after } = asked.data;
  const narrowing = narrowingOf(asked.data);
  if (lastEventId === '') return { producerId, narrowing, after };
  const header = eventIdSchema.safeParse(lastEventId);
  if (header.success) return { producerId, narrowing, after: header.data };
  throw new Refusal('invalid-request', `Last-Event-ID: ${describeFieldErrors(fieldErrors(header.error))}`);
}
