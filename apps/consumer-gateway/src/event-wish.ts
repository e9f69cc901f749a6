import type { EventRequest } from '@motience/gateway-kit';
import { describeFieldErrors, eventIdSchema, eventQuerySchema, fieldErrors, Refusal } from '@motience/protocol';
import type { Position } from '@motience/stream-log';

/** What is asked for: one stream, narrowed to a device, or after a position. */
export interface EventWish {
  producerId: string;
  deviceId: string | undefined;
  after: Position | undefined;
}

/** What a request asks for. Throws a Refusal that names the field if it is not right. */
export function readWish({ query, lastEventId }: EventRequest): EventWish {
  const asked = eventQuerySchema.safeParse(Object.fromEntries(new URLSearchParams(query)));
  if (!asked.success) throw new Refusal('invalid-request', describeFieldErrors(fieldErrors(asked.error)));
  const { producer_id: producerId, device_id: deviceId, last_event_id: after } = asked.data;
  if (lastEventId === '') return { producerId, deviceId, after };
  const header = eventIdSchema.safeParse(lastEventId);
  if (header.success) return { producerId, deviceId, after: header.data };
  throw new Refusal('invalid-request', `Last-Event-ID: ${describeFieldErrors(fieldErrors(header.error))}`);
}
