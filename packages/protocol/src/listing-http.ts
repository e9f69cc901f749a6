import { z } from 'zod';
import { dictionaryFieldSchema, dictionarySchema } from './data-dictionary.ts';
import { idSchema } from './names.ts';
import { planSchema } from './plan-http.ts';
import { readableSchema } from './text.ts';

export const listingStatuses = ['draft', 'published', 'paused', 'retired'] as const;
export type ListingStatus = (typeof listingStatuses)[number];

/** Who may subscribe: everybody, or whom the producer approves. */
export const approvals = ['open', 'by-producer'] as const;

/** A word by which listings are found, whatever its case. */
export const labelSchema = readableSchema(40).transform((text) => text.trim().toLowerCase());

function degreesSchema(max: number) {
  const expected = `expected degrees from -${max} to ${max}`;
  return z.number({ error: expected }).min(-max, expected).max(max, expected);
}

const maxSampleReadings = 100;
const maxTags = 20;

const placeSchema = z
  .strictObject({
    name: readableSchema(200).optional(),
    /** Of a kind that both sides agree on, such as an ISO 3166 code. */
    region: readableSchema(100).optional(),
    latitude: degreesSchema(90).optional(),
    longitude: degreesSchema(180).optional(),
  })
  .refine(({ latitude, longitude }) => (latitude === undefined) === (longitude === undefined), {
    error: 'expected latitude and longitude together',
  })
  .refine(({ region, latitude }) => region !== undefined || latitude !== undefined, {
    error: 'expected a region, or latitude and longitude',
  });

/** What a producer says of its stream. */
export const newListingSchema = z.strictObject({
  title: readableSchema(120),
  /** Who sells it, as everybody is to read it; usernames are nobody else's business. */
  seller: readableSchema(120).nullable().default(null),
  description: readableSchema(5_000, { lines: true }),
  category: labelSchema,
  tags: z
    .array(labelSchema, { error: 'expected an array of strings' })
    .max(maxTags, `expected at most ${maxTags} tags`)
    .transform((tags) => [...new Set(tags)])
    .default([]),
  /** Name or address of the licence that consumers get, such as CC-BY-4.0. */
  licence: readableSchema(200),
  terms: readableSchema(10_000, { lines: true }).nullable().default(null),
  place: placeSchema.nullable().default(null),
  approval: z.enum(approvals, { error: 'expected "open" or "by-producer"' }).default('open'),
});
export type NewListing = z.output<typeof newListingSchema>;

export const newDictionarySchema = z.strictObject({ fields: dictionarySchema });

const sampleExpected = `expected a whole number from 1 to ${maxSampleReadings}`;
export const sampleRequestSchema = z.strictObject({
  /** How many of the last stored readings to show. */
  readings: z.int({ error: sampleExpected }).min(1, sampleExpected).max(maxSampleReadings, sampleExpected).default(10),
});

const instantSchema = z.iso.datetime();
const count = z.int();

/** A share and what it was computed from; null where nothing was counted. */
const uptimeSchema = z.object({
  share: z.number().nullable(),
  minutes_with_readings: count,
  /** Without those in which the platform was down. */
  minutes_counted: count,
  /** Of the minutes since, without a reading. */
  minutes_platform_down: count.optional(),
});
const gapsSchema = z.object({ count, longest_seconds: z.number() });

/**
 * What was measured of a stream, up to the whole minute `until`, with what it was computed from. Nothing is counted from
 * before the stream was first heard of.
 */
export const measuresSchema = z.object({
  until: instantSchema,
  first_seen_at: instantSchema.nullable(),
  last_seen_at: instantSchema.nullable(),
  /** Over the last 24 hours, or since the stream was first heard of. */
  rate: z.object({
    readings_per_second: z.number().nullable(),
    readings: count,
    seconds_counted: z.number(),
    bytes: count,
  }),
  devices: z.object({ last_24_hours: count, last_30_days: count }),
  uptime: z.object({ last_24_hours: uptimeSchema, last_30_days: uptimeSchema }),
  /** Times of more than a minute without a reading. */
  gaps: z.object({ last_24_hours: gapsSchema, last_30_days: gapsSchema }),
  /** Over the last 24 hours, from a reading's timestamp to when it was received; of up to 16 readings of a batch. */
  latency: z.object({
    average_ms: z.number().nullable(),
    longest_ms: z.number().nullable(),
    readings_measured: count,
    /** More than were measured where timestamps lie in the future or more than a day back. */
    readings_checked: count,
  }),
  /** Of the readings that were checked since the dictionary changed: up to 100 of the newest each time. */
  dictionary: z.object({
    share_fitting: z.number().nullable(),
    readings_fitting: count,
    readings_checked: count,
    since: instantSchema.nullable(),
  }),
});
export type Measures = z.infer<typeof measuresSchema>;

const shown = {
  producer_id: idSchema,
  title: z.string(),
  /** Who sells it, in the producer's own words. */
  seller: z.string().nullable(),
  description: z.string(),
  category: z.string(),
  tags: z.array(z.string()),
  licence: z.string(),
  place: z
    .object({
      name: z.string().nullable(),
      region: z.string().nullable(),
      latitude: z.number().nullable(),
      longitude: z.number().nullable(),
    })
    .nullable(),
  approval: z.enum(approvals),
  published_at: instantSchema.nullable(),
  measures: measuresSchema.nullable(),
  /** The plans that are offered. */
  plans: z.array(planSchema),
};

/** A listing as the catalogue shows it. */
export const listingSummarySchema = z.object(shown);
export type ListingSummary = z.infer<typeof listingSummarySchema>;

export const listingSchema = z.object({
  ...shown,
  terms: z.string().nullable(),
  dictionary: z.array(dictionaryFieldSchema),
  /** When the sample was taken, if there is one. */
  sample_taken_at: instantSchema.nullable(),
});
/** A listing with everything that is public about it. */
export type Listing = z.infer<typeof listingSchema>;

export const ownListingSchema = listingSchema.extend({
  status: z.enum(listingStatuses),
  created_at: instantSchema,
  updated_at: instantSchema,
});
/** A listing as its producer sees it. */
export type OwnListing = z.infer<typeof ownListingSchema>;

/** Readings of the past that a producer chose to show to everybody. */
export const sampleSchema = z.object({
  producer_id: idSchema,
  taken_at: instantSchema,
  /** As they were delivered, without their seq. */
  readings: z.array(z.looseObject({ device_id: z.string(), timestamp: z.string(), data: z.looseObject({}) })),
});
export type Sample = z.infer<typeof sampleSchema>;
