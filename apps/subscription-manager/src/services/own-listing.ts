import { listings, type Queryable } from '@motience/database';
import {
  type DictionaryField,
  dictionarySchema,
  type ListingStatus,
  type NewListing,
  type OwnListing,
  Refusal,
  type Sample,
} from '@motience/protocol';
import { eq, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';
import type { Context } from '../context.ts';
import { inferDictionary } from './infer-dictionary.ts';
import { readLastReadings } from './last-readings.ts';
import { type ListingRow, type MeasuresRow, toOwnListing, toSample } from './listing-row.ts';
import { fieldWords, labelWords, searchableFields } from './listing-words.ts';
import { lockAccount } from './lock-account.ts';
import { measureListing, readMeasures } from './measure-listing.ts';
import { readOfferedPlans } from './own-plans.ts';
import { toPlan } from './plan-row.ts';

type Services = Pick<Context, 'database' | 'changes'>;
type Change = PgUpdateSetSource<typeof listings>;

/** Readings that a dictionary is inferred from. */
const readingsInferredFrom = 200;
const maxSampleBytes = 256 * 1024;

/** From where to where a listing can go. A retired one begins again as a draft when it is written anew. */
const transitions = {
  publish: { from: ['draft', 'paused'], to: 'published' },
  pause: { from: ['published'], to: 'paused' },
  retire: { from: ['draft', 'published', 'paused'], to: 'retired' },
} as const satisfies Record<string, { from: readonly ListingStatus[]; to: ListingStatus }>;
export type Transition = keyof typeof transitions;

/** Writes what a producer says of its stream; all of these functions are `rate-limited` at the limit of changes. */
export async function putListing(
  services: Services,
  producerId: string,
  listing: NewListing,
): Promise<{ listing: OwnListing; isNew: boolean }> {
  return services.database.db.transaction(async (tx) => {
    await lockAccount(tx, producerId);
    await services.changes.consume(producerId);
    const { title, seller, description, category, tags, licence, terms, place, approval } = listing;
    const values = {
      ...{ title, seller, description, category, tags, licence, terms, approval },
      placeName: place?.name ?? null,
      region: place?.region ?? null,
      latitude: place?.latitude ?? null,
      longitude: place?.longitude ?? null,
      labelWords: labelWords(listing),
    };
    const former = await findListing(tx, producerId);
    const again: Change = former?.status === 'retired' ? { status: 'draft', publishedAt: null } : {};
    const row = former
      ? await change(tx, producerId, { ...values, ...again })
      : await insert(tx, { producerId: BigInt(producerId), ...values });
    return { listing: await show(tx, row), isNew: former === undefined };
  });
}

/** Undefined if the producer has none yet. */
export async function readOwnListing(
  { database, ownMeasurements }: Pick<Context, 'database' | 'ownMeasurements'>,
  producerId: string,
): Promise<OwnListing | undefined> {
  // Before there is a connection to the database that would wait for it.
  const mayMeasure = await ownMeasurements.consume(producerId).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Refusal && error.kind === 'rate-limited') return false;
      throw error;
    },
  );
  return database.db.transaction(async (tx) => {
    const listing = await findListing(tx, producerId);
    if (!listing) return undefined;
    return show(tx, listing, mayMeasure ? undefined : await readMeasures(tx, listing.producerId));
  });
}

/**
 * Where it is already, nothing changes. `conflict` if the listing cannot go there from where it is, and `not-found` if the producer
 * has none, as in all that follows.
 */
export async function changeStatus(services: Services, producerId: string, name: Transition): Promise<OwnListing> {
  return changeListing(services, producerId, async (_tx, { status }) => {
    const { from, to } = transitions[name];
    if (status === to) return undefined;
    if (from.some((state) => state === status)) {
      return { status: to, ...(to === 'published' ? { publishedAt: sql`coalesce(published_at, now())` } : {}) };
    }
    throw new Refusal(
      'conflict',
      `a listing that is ${status} cannot be ${to}; expected one that is ${from.join(' or ')}`,
    );
  });
}

export async function putDictionary(
  services: Services,
  producerId: string,
  fields: DictionaryField[],
): Promise<OwnListing> {
  return changeListing(services, producerId, async () => dictionaryChange(fields));
}

/** Makes the dictionary of the last stored readings; units and descriptions stay. `conflict` if none are stored. */
export async function inferOwnDictionary(services: Services, producerId: string): Promise<OwnListing> {
  return changeListing(services, producerId, async (tx, { dictionary }) => {
    const readings = await readLastReadings(tx, producerId, readingsInferredFrom);
    if (readings.length === 0) throw noReadings();
    const data = readings.map(({ reading }) => reading.data);
    return dictionaryChange(inferDictionary(data, dictionarySchema.parse(dictionary)));
  });
}

/** Shows the last stored readings to everybody from now on, in their order. `conflict` if none are stored. */
export async function takeSample(services: Services, producerId: string, most: number): Promise<Sample> {
  return services.database.db.transaction(async (tx) => {
    await lockAccount(tx, producerId);
    required(await findListing(tx, producerId));
    await services.changes.consume(producerId);
    let room = maxSampleBytes;
    const last = await readLastReadings(tx, producerId, most);
    const shown = last.filter(({ bytes }) => {
      room -= bytes;
      return room >= 0;
    });
    if (shown.length === 0) throw noReadings();
    const readings = shown.reverse().map(({ reading: { producer_id: _, ...reading } }) => reading);
    const row = await change(tx, producerId, { sample: readings, sampleTakenAt: sql`clock_timestamp()` });
    const sample = toSample(row);
    if (!sample) throw new Error('the sample was not kept');
    return sample;
  });
}

export async function removeSample(services: Services, producerId: string): Promise<void> {
  await changeListing(services, producerId, async () => ({ sample: null, sampleTakenAt: null }));
}

async function changeListing(
  { database, changes }: Services,
  producerId: string,
  decide: (tx: Queryable, row: ListingRow) => Promise<Change | undefined>,
): Promise<OwnListing> {
  return database.db.transaction(async (tx) => {
    await lockAccount(tx, producerId);
    const listing = required(await findListing(tx, producerId));
    const values = await decide(tx, listing);
    if (!values) return show(tx, listing, await readMeasures(tx, listing.producerId));
    await changes.consume(producerId);
    return show(tx, await change(tx, producerId, values));
  });
}

function dictionaryChange(fields: DictionaryField[]): Change {
  return {
    dictionary: fields,
    dictionaryChangedAt: sql`clock_timestamp()`,
    searchableFields: searchableFields(fields),
    fieldWords: fieldWords(fields),
  };
}

async function findListing(tx: Queryable, producerId: string): Promise<ListingRow | undefined> {
  const [row] = await tx
    .select()
    .from(listings)
    .where(eq(listings.producerId, BigInt(producerId)));
  return row;
}

async function insert(tx: Queryable, values: typeof listings.$inferInsert): Promise<ListingRow> {
  const [row] = await tx.insert(listings).values(values).returning();
  return required(row);
}

async function change(tx: Queryable, producerId: string, values: Change): Promise<ListingRow> {
  const [row] = await tx
    .update(listings)
    .set({ ...values, updatedAt: sql`clock_timestamp()` })
    .where(eq(listings.producerId, BigInt(producerId)))
    .returning();
  return required(row);
}

/** With what is measured by now: whoever looks at its own listing does not want to wait for it. */
async function show(tx: Queryable, listing: ListingRow, measured?: MeasuresRow): Promise<OwnListing> {
  const plans = (await readOfferedPlans(tx, String(listing.producerId))).map(toPlan);
  return toOwnListing({ listing, measures: measured ?? (await measureListing(tx, listing)), plans });
}

function required(row: ListingRow | undefined): ListingRow {
  if (row) return row;
  throw new Refusal('not-found', 'there is no listing of your stream yet; PUT /listing makes one');
}

function noReadings(): Refusal {
  return new Refusal('conflict', 'no reading of your stream is stored yet; send some first');
}
