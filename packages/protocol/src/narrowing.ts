import { z } from 'zod';
import { deviceIdSchema } from './names.ts';

/** Members of `data` to be delivered: top-level names. */
const fieldsSchema = z
  .array(z.string().min(1, 'expected a name').max(256, 'expected at most 256 characters'), {
    error: 'expected an array of names in data',
  })
  .min(1, 'expected at least one name')
  .max(64, 'expected at most 64 names');

/** Readings a second of each device. */
const maxRateSchema = z
  .number({ error: 'expected a number of readings a second' })
  .min(0.01, 'expected at least 0.01 readings a second')
  .max(1_000, 'expected at most 1000 readings a second');

/**
 * What of a stream is to be delivered: one device, some fields of `data`, or no more than so many readings a second of
 * each device, the latest. What is left out so is no gap.
 */
export const narrowingShape = {
  device_id: deviceIdSchema.optional(),
  fields: fieldsSchema.optional(),
  max_rate: maxRateSchema.optional(),
};

/** The same in the query of a URL, where `fields` may appear several times. */
export const narrowingQueryShape = {
  ...narrowingShape,
  max_rate: z
    .string()
    .regex(/^\d+(\.\d+)?$/, 'expected a number of readings a second')
    .transform(Number)
    .pipe(maxRateSchema)
    .optional(),
};
