import { type Database, listingMeasures, listings, type Queryable } from '@motience/database';
import { dataSchema, dictionarySchema } from '@motience/protocol';
import { asc, eq, sql } from 'drizzle-orm';
import { readLastReadings } from './last-readings.ts';
import type { ListingRow, MeasuresRow } from './listing-row.ts';
import { measureStream } from './measure-stream.ts';

/** Readings compared with the dictionary each time: the newest of those that came since. */
const checkedAtOnce = 100;
/** Each time, so that measuring costs little however many there are. */
const measuringMs = 50;
/** What was measured is good for as long. */
const measuredForSeconds = 60;

/** Measures the stream of a listing anew and keeps what came of it. */
export async function measureListing(tx: Queryable, listing: ListingRow): Promise<MeasuresRow> {
  const { producerId } = listing;
  const former = await readMeasures(tx, producerId);
  const figures = await measureStream(tx, String(producerId));
  const values = {
    measuredAt: sql<Date>`clock_timestamp()`,
    figures,
    rate: figures.rate.readings_per_second,
    uptime: figures.uptime.last_30_days.share,
    ...(await checkReadings(tx, listing, former)),
  };
  const [row] = await tx
    .insert(listingMeasures)
    .values({ producerId, ...values })
    .onConflictDoUpdate({ target: listingMeasures.producerId, set: values })
    .returning();
  if (!row) throw new Error('the insert returned no row');
  return row;
}

/** What was measured last. */
export async function readMeasures(tx: Queryable, producerId: bigint): Promise<MeasuresRow | undefined> {
  const [row] = await tx.select().from(listingMeasures).where(eq(listingMeasures.producerId, producerId));
  return row;
}

/**
 * Measures the listings that were measured longest ago, for a short time only: with very many of them each is measured
 * less often. Any number of processes may do it at once.
 */
export async function measureListings({ db }: Pick<Database, 'db'>, isStopped: () => boolean): Promise<void> {
  const until = performance.now() + measuringMs;
  while (performance.now() < until && !isStopped()) {
    if (!(await db.transaction(measureNextListing))) return;
  }
}

/** False if there is none that is due and that nobody else measures. Whoever writes a listing measures it at once. */
async function measureNextListing(tx: Queryable): Promise<boolean> {
  const [next] = await tx
    .select({ listing: listings })
    .from(listingMeasures)
    .innerJoin(listings, eq(listings.producerId, listingMeasures.producerId))
    .where(sql`${listingMeasures.measuredAt} < clock_timestamp() - make_interval(secs => ${measuredForSeconds})`)
    .orderBy(asc(listingMeasures.measuredAt))
    .limit(1)
    .for('no key update', { of: listings, skipLocked: true });
  if (next) await measureListing(tx, next.listing);
  return next !== undefined;
}

type Checks = Pick<MeasuresRow, 'checked' | 'fitting' | 'checkedSince' | 'checkedEpoch' | 'checkedSeq'>;

/** Counts on while the dictionary stays as it is, and otherwise from the beginning. */
async function checkReadings(tx: Queryable, listing: ListingRow, former: MeasuresRow | undefined): Promise<Checks> {
  const { producerId, dictionary, dictionaryChangedAt } = listing;
  const goesOn = former !== undefined && former.checkedSince?.getTime() === dictionaryChangedAt?.getTime();
  const counted: Checks = goesOn
    ? former
    : { checked: 0, fitting: 0, checkedSince: dictionaryChangedAt, checkedEpoch: null, checkedSeq: null };
  const { checked, fitting, checkedSince, checkedEpoch, checkedSeq } = counted;
  const fields = dictionarySchema.parse(dictionary);
  const unchanged = { checked, fitting, checkedSince, checkedEpoch, checkedSeq };
  if (fields.length === 0) return unchanged;
  const after = checkedEpoch !== null && checkedSeq !== null ? { epoch: checkedEpoch, seq: checkedSeq } : undefined;
  const readings = await readLastReadings(tx, String(producerId), checkedAtOnce, after);
  const [last] = readings;
  if (last === undefined) return unchanged;
  const schema = dataSchema(fields);
  return {
    checked: checked + readings.length,
    fitting: fitting + readings.filter(({ reading }) => schema.safeParse(reading.data).success).length,
    checkedSince,
    checkedEpoch: last.epoch,
    checkedSeq: last.seq,
  };
}
