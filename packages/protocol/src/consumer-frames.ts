import { z } from 'zod';
import { afterSchema, epochSchema, idSchema, seqSchema } from './names.ts';
import { narrowingShape } from './narrowing.ts';
import { errorFrameSchema } from './producer-frames.ts';

/**
 * Consumer to server: receive this stream on this socket, narrowed, or from a position on: `after` a seq of an `epoch`.
 */
export const subscribeFrameSchema = z
  .strictObject({
    type: z.literal('subscribe'),
    producer_id: idSchema,
    ...narrowingShape,
    epoch: epochSchema.optional(),
    after: afterSchema.optional(),
  })
  .refine(({ epoch, after }) => after === undefined || epoch !== undefined, {
    path: ['epoch'],
    error: 'expected with after: the epoch that its number belongs to',
  })
  .refine(({ epoch, after }) => epoch === undefined || after !== undefined, {
    path: ['after'],
    error: 'expected with epoch: the seq to go on after',
  });

/** Consumer to server: stop this stream on this socket only. */
export const unsubscribeFrameSchema = z.strictObject({ type: z.literal('unsubscribe'), producer_id: idSchema });

export const consumerUpFrameSchema = z.discriminatedUnion('type', [subscribeFrameSchema, unsubscribeFrameSchema], {
  error: 'expected a frame of type subscribe or unsubscribe',
});
export type ConsumerUpFrame = z.infer<typeof consumerUpFrameSchema>;

/** The position a stream starts after. */
export const streamPositionSchema = z.object({ producer_id: idSchema, epoch: epochSchema, seq: seqSchema });

export const welcomeFrameSchema = z.object({
  type: z.literal('welcome'),
  session_id: z.string(),
  streams: z.array(streamPositionSchema),
});

/** After this frame come `seq`+1 … and on. */
export const subscribedFrameSchema = streamPositionSchema.extend({
  type: z.literal('subscribed'),
  recovered: z.boolean(),
});

/** Why a stream ended on a socket that stays open. */
export const unsubscribeReasons = ['requested', 'subscription-ended', 'insufficient-funds'] as const;

export const unsubscribedFrameSchema = z.object({
  type: z.literal('unsubscribed'),
  producer_id: idSchema,
  reason: z.string(),
});

/** `to` of a gap that names the rest of an epoch, however long it was. */
export const restOfEpoch = Number.MAX_SAFE_INTEGER;

/** Readings `from` … `to` will not come on this socket. */
export const gapFrameSchema = z.object({
  type: z.literal('gap'),
  producer_id: idSchema,
  epoch: epochSchema,
  from: seqSchema,
  to: seqSchema,
  reason: z.string(),
});

/** Everything up to `seq` has been dealt with. */
export const positionFrameSchema = streamPositionSchema.extend({ type: z.literal('position') });

/** So many percent are left of what may be spent on a stream. */
export const balanceFrameSchema = z.object({
  type: z.literal('balance'),
  producer_id: idSchema,
  percent_left: z.int().min(0).max(100),
});

/** Everything a consumer's socket sends down, readings apart. */
export const consumerDownFrameSchema = z.discriminatedUnion('type', [
  welcomeFrameSchema,
  subscribedFrameSchema,
  unsubscribedFrameSchema,
  gapFrameSchema,
  positionFrameSchema,
  balanceFrameSchema,
  errorFrameSchema,
]);
export type ConsumerDownFrame = z.infer<typeof consumerDownFrameSchema>;
export type StreamPosition = z.infer<typeof streamPositionSchema>;
