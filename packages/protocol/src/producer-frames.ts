import { z } from 'zod';

/** Subprotocol the server selects; a browser sends it with `bearer.<token>` beside it. */
export const subprotocol = 'motience.v1';
export const bearerSubprotocolPrefix = 'bearer.';

/** Readings 1…`through` of this connection are settled. Cumulative. */
export const ackFrameSchema = z.object({ type: z.literal('ack'), through: z.int().min(0) });

/** The first repeat on a connection: `sequence` is the last one stored for that device. */
export const repeatFrameSchema = z.object({
  type: z.literal('repeat'),
  device_id: z.string(),
  sequence: z.int().min(0),
});

/**
 * Something is refused. With `reading`, that reading of this connection (counted from 1) is refused for good and the
 * socket stays open; without, it says why a close follows or what was wrong with a control frame.
 */
export const errorFrameSchema = z.object({
  type: z.literal('error'),
  kind: z.string(),
  detail: z.string(),
  reading: z.int().min(1).optional(),
  /** On a consumer's socket: of the stream that a refused control frame is about. */
  producer_id: z.string().optional(),
  retry_after: z.number().min(0).optional(),
  request_id: z.string().optional(),
});

/** Everything a device's socket sends down. */
export const producerDownFrameSchema = z.discriminatedUnion('type', [
  ackFrameSchema,
  repeatFrameSchema,
  errorFrameSchema,
]);
export type ProducerDownFrame = z.infer<typeof producerDownFrameSchema>;
export type ErrorFrame = z.infer<typeof errorFrameSchema>;
