import { z } from 'zod';
import { idSchema, seqSchema } from './names.ts';

/** A stream as the data stream manager's API shows it. */
export const streamSchema = z.object({
  producer_id: idSchema,
  epoch: z.string(),
  /** `seq` of the newest reading; 0 if there is none yet. */
  head: seqSchema,
  /** Readings per second over the last 10 to 20 seconds. */
  rate: z.number(),
  /** Devices that sent a reading within the last 30 seconds. */
  devices_online: z.int(),
  subscribers: z.int(),
  /** First and last `seq` that a consumer could still be sent from the retained window; null if it is empty. */
  retained: z.object({ from: seqSchema, to: seqSchema }).nullable(),
  /** `seq` up to which readings are in PostgreSQL; null with `PERSIST_READINGS=false`. */
  persisted: seqSchema.nullable(),
});
export type Stream = z.infer<typeof streamSchema>;

/** The stream managers that are there, the one that answers first, and which shards each takes care of. */
export const managersSchema = z.object({
  items: z.array(z.object({ manager: z.string(), shards: z.array(z.int()) })),
});
