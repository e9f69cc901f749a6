import { z } from 'zod';
import { pageQuerySchema } from './auth-http.ts';
import { labelSchema } from './listing-http.ts';
import { readableSchema } from './text.ts';

function decimalSchema(min: number, max: number, what = 'a number') {
  const expected = `expected ${what} from ${min} to ${max}`;
  return z
    .string({ error: expected })
    .regex(/^-?\d{1,15}(\.\d{1,15})?$/, expected)
    .transform(Number)
    .pipe(z.number().min(min, expected).max(max, expected));
}

/** Numbers with commas between. */
function decimalsSchema(bounds: readonly (readonly [min: number, max: number])[], expected: string) {
  return z.string({ error: expected }).transform((text, context) => {
    const parts = text.split(',');
    const values = parts.map((part, at) => {
      const [min, max] = bounds[at] ?? [0, 0];
      return decimalSchema(min, max).safeParse(part).data;
    });
    const right = values.filter((value) => value !== undefined);
    if (parts.length === bounds.length && right.length === bounds.length) return right;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
}

const [latitude, longitude] = [[-90, 90] as const, [-180, 180] as const];
const amountExpected = 'expected an amount such as 12.50, with at most 6 decimals';
const amountSchema = z.string({ error: amountExpected }).regex(/^(0|[1-9]\d{0,12})(\.\d{1,6})?$/, amountExpected);

const boxExpected = 'expected west,south,east,north in degrees, south below north';
const nearExpected = 'expected latitude,longitude in degrees';
const tagsExpected = 'expected at most 10 tags';

/** What prices are compared by. */
export const priceUnits = ['1000-readings', 'megabyte', 'day', 'month'] as const;
export type PriceUnit = (typeof priceUnits)[number];
export const listingSorts = ['relevance', 'newest', 'rate', 'uptime', 'price'] as const;
export type ListingSort = (typeof listingSorts)[number];

/** The query of the catalogue. What is named twice, unknown or makes no sense together is refused by its name. */
export function listingQuerySchema<Currency extends z.ZodType<string, string>>(currency: Currency) {
  return z
    .strictObject({
      limit: pageQuerySchema.shape.limit.pipe(z.number().max(100, 'expected a whole number from 1 to 100')),
      cursor: z.string().max(256, 'expected at most 256 characters').optional(),
      /** Words to be found, as search engines take them: `"in quotes"`, `or`, `-not`. */
      q: readableSchema(200).optional(),
      category: labelSchema.optional(),
      /** All of them, where it is there several times. */
      tag: z
        .union([labelSchema.transform((tag) => [tag]), z.array(labelSchema).max(10, tagsExpected)], {
          error: tagsExpected,
        })
        .optional(),
      /** Path or last name of a field in the dictionary, whatever its case. */
      field: readableSchema(256).optional(),
      /** Of that field, or of any. */
      unit: readableSchema(40).optional(),
      price_per: z.enum(priceUnits, { error: `expected one of ${priceUnits.join(', ')}` }).optional(),
      price_min: amountSchema.optional(),
      price_max: amountSchema.optional(),
      currency: currency.optional(),
      region: readableSchema(100).optional(),
      bbox: decimalsSchema([longitude, latitude, longitude, latitude], boxExpected)
        .refine(([, south = 0, , north = 0]) => south <= north, boxExpected)
        .optional(),
      near: decimalsSchema([latitude, longitude], nearExpected).optional(),
      radius_km: decimalSchema(0.001, 20_040, 'kilometres').optional(),
      /** Readings a second over the last 24 hours. */
      min_rate: decimalSchema(0, 1_000_000_000).optional(),
      /** Share of the minutes of the last 30 days that had readings. */
      min_uptime: decimalSchema(0, 1, 'a share').optional(),
      sort: z.enum(listingSorts, { error: `expected one of ${listingSorts.join(', ')}` }).optional(),
    })
    .superRefine((query, context) => {
      const need = (field: keyof typeof query, because: string) => {
        if (query[field] === undefined) {
          context.addIssue({ code: 'custom', path: [field], message: `is needed with ${because}` });
        }
      };
      if (query.near !== undefined) need('radius_km', 'near');
      if (query.radius_km !== undefined) need('near', 'radius_km');
      if (query.sort === 'relevance') need('q', 'sort=relevance');
      for (const field of ['price_min', 'price_max'] as const) {
        if (query[field] === undefined) continue;
        need('price_per', field);
        need('currency', field);
      }
      if (query.sort === 'price') {
        need('price_per', 'sort=price');
        need('currency', 'sort=price');
      }
      if (
        query.price_min !== undefined &&
        Number(query.price_min) > Number(query.price_max ?? Number.POSITIVE_INFINITY)
      ) {
        context.addIssue({ code: 'custom', path: ['price_max'], message: 'expected at least price_min' });
      }
    });
}
export type ListingQuery = z.output<ReturnType<typeof listingQuerySchema<z.ZodType<string, string>>>>;
