import { z } from 'zod';
import { afterSchema, epochSchema, idSchema } from './names.ts';
import { narrowingQueryShape } from './narrowing.ts';

/** `id` of an event: everything up to this position has been dealt with. */
export function eventId({ epoch, seq }: { epoch: string; seq: number }): string {
  return `${epoch}:${seq}`;
}

const eventIdForm = 'expected <epoch>:<seq>, the id of the last event';

/** The position that an event's `id` names. */
export const eventIdSchema = z
  .string()
  .regex(/^[^:]+:\d+$/, eventIdForm)
  .transform((text) => {
    const at = text.lastIndexOf(':');
    return { epoch: text.slice(0, at), seq: Number(text.slice(at + 1)) };
  })
  .pipe(z.object({ epoch: epochSchema, seq: afterSchema }));

/** What `GET /consumer/sse` is asked for. */
export const eventQuerySchema = z.strictObject({
  producer_id: idSchema,
  ...narrowingQueryShape,
  /** For the first request of a browser's own EventSource, which cannot send the header. */
  last_event_id: eventIdSchema.optional(),
  /** The access token may travel here too, as on the sockets. */
  token: z.string().optional(),
});
