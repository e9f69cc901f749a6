import { dataSchema, type Listing } from '@motience/protocol';
import { z } from 'zod';

/** JSON Schema (draft 2020-12) of a listed stream's readings, as they are delivered, from its dictionary. */
export function readingJsonSchema({
  title,
  dictionary,
}: Pick<Listing, 'title' | 'dictionary'>): Record<string, unknown> {
  const schema = z
    .looseObject({
      producer_id: z.string(),
      device_id: z.string(),
      timestamp: z.string().meta({ format: 'date-time' }),
      data: dataSchema(dictionary),
      sequence: z.int().min(0).optional(),
      seq: z.int().min(1),
    })
    .meta({ title });
  return { ...z.toJSONSchema(schema) };
}
