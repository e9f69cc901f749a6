import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  customType,
  doublePrecision,
  index,
  json,
  jsonb,
  pgTable,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';
import { users } from './schema.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' });
/** A producer has one stream, so one listing of it. */
const producerId = () => bigint('producer_id', { mode: 'bigint' }).primaryKey();

/** What producers say of their streams to whoever looks for one. Owned by subscription-manager. */
export const listings = pgTable(
  'listings',
  {
    producerId: producerId().references(() => users.id),
    status: text('status', { enum: ['draft', 'published', 'paused', 'retired'] })
      .notNull()
      .default('draft'),
    title: text('title').notNull(),
    /** Who sells it, in the producer's own words. */
    seller: text('seller'),
    description: text('description').notNull(),
    category: text('category').notNull(),
    tags: text('tags').array().notNull(),
    licence: text('licence').notNull(),
    terms: text('terms'),
    placeName: text('place_name'),
    region: text('region'),
    latitude: doublePrecision('latitude'),
    longitude: doublePrecision('longitude'),
    /** Who may subscribe: everybody, or whom the producer approves. */
    approval: text('approval', { enum: ['open', 'by-producer'] })
      .notNull()
      .default('open'),
    /** Fields of the readings, as `dictionarySchema` of packages/protocol has them. */
    dictionary: jsonb('dictionary').notNull().default([]),
    dictionaryChangedAt: instant('dictionary_changed_at'),
    /** `{"name", "unit"}` of each field, by its path and by its last name, in lower case: what is searched. */
    searchableFields: jsonb('searchable_fields').notNull().default([]),
    /** Readings as they were delivered, without their seq; in the order of their members, which jsonb would not keep. */
    sample: json('sample'),
    sampleTakenAt: instant('sample_taken_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
    /** For the first time since it was a draft. */
    publishedAt: instant('published_at'),
    /** Seller, category, tags and place, as words. */
    labelWords: text('label_words').notNull(),
    /** Of the dictionary: names, units and descriptions of fields, as words. */
    fieldWords: text('field_words').notNull().default(''),
    search: tsvector('search')
      .notNull()
      .generatedAlwaysAs(
        sql`setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', label_words), 'B') || setweight(to_tsvector('english', field_words), 'C') || setweight(to_tsvector('english', description), 'D')`,
      ),
  },
  (table) => {
    const isPublished = sql`${table.status} = 'published'`;
    return [
      index('listings_search').using('gin', table.search),
      index('listings_tags').using('gin', table.tags),
      index('listings_fields').using('gin', sql`${table.searchableFields} jsonb_path_ops`),
      index('listings_newest').on(table.publishedAt, table.producerId).where(isPublished),
      index('listings_category').on(table.category).where(isPublished),
      index('listings_place').on(table.latitude, table.longitude).where(isPublished),
      index('listings_region').on(sql`lower(${table.region})`).where(isPublished),
      check('listings_status', sql`${table.status} in ('draft', 'published', 'paused', 'retired')`),
      check('listings_approval', sql`${table.approval} in ('open', 'by-producer')`),
      check(
        'listings_published',
        sql`${table.status} not in ('published', 'paused') or ${table.publishedAt} is not null`,
      ),
      check('listings_position', sql`(${table.latitude} is null) = (${table.longitude} is null)`),
      check('listings_latitude', sql`${table.latitude} between -90 and 90`),
      check('listings_longitude', sql`${table.longitude} between -180 and 180`),
      check('listings_sample', sql`(${table.sample} is null) = (${table.sampleTakenAt} is null)`),
    ];
  },
);

/** What was measured last of the streams that are listed, from their record. Owned by subscription-manager. */
export const listingMeasures = pgTable(
  'listing_measures',
  {
    producerId: producerId().references(() => listings.producerId),
    measuredAt: instant('measured_at').notNull(),
    /** As `measuresSchema` of packages/protocol shows them, but for the dictionary. */
    figures: jsonb('figures').notNull(),
    /** Two of them once more: readings a second over 24 hours, and the share of 30 days' minutes with readings. */
    rate: doublePrecision('rate'),
    uptime: doublePrecision('uptime'),
    /** Readings compared with the dictionary since it changed at `checked_since`, up to the position below. */
    checked: bigint('checked', { mode: 'number' }).notNull().default(0),
    fitting: bigint('fitting', { mode: 'number' }).notNull().default(0),
    checkedSince: instant('checked_since'),
    checkedEpoch: text('checked_epoch'),
    checkedSeq: bigint('checked_seq', { mode: 'number' }),
  },
  (table) => [
    index('listing_measures_measured').on(table.measuredAt),
    index('listing_measures_rate').on(sql`coalesce(${table.rate}, -1)`, table.producerId),
    index('listing_measures_uptime').on(sql`coalesce(${table.uptime}, -1)`, table.producerId),
    check('listing_measures_fitting', sql`${table.fitting} between 0 and ${table.checked}`),
  ],
);
