import { z } from 'zod';
import { epochSchema, idSchema, seqSchema } from './names.ts';
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
  .pipe(z.object({ epoch: epochSchema, seq: seqSchema }));

/** What `GET /consumer/sse` is asked for. The token may travel here too, as on the sockets. */
export const eventQuerySchema = z.object({
  producer_id: idSchema,
  ...narrowingQueryShape,
  /** For the first request of a browser's own EventSource, which cannot send the header. */
  last_event_id: eventIdSchema.optional(),
});
