import type { listingMeasures, listings } from '@motience/database';
import {
  dictionarySchema,
  type Listing,
  type ListingSummary,
  type Measures,
  measuresSchema,
  type OwnListing,
  type Plan,
  type Sample,
  sampleSchema,
} from '@motience/protocol';

export type ListingRow = typeof listings.$inferSelect;
export type MeasuresRow = typeof listingMeasures.$inferSelect;

/** A row with what is shown beside it. */
export interface ListingRows {
  listing: ListingRow;
  measures: MeasuresRow | null;
  plans: Plan[];
}

const figuresSchema = measuresSchema.omit({ dictionary: true });

export function toSummary({ listing, measures, plans }: ListingRows): ListingSummary {
  return {
    producer_id: String(listing.producerId),
    title: listing.title,
    seller: listing.seller,
    description: listing.description,
    category: listing.category,
    tags: listing.tags,
    licence: listing.licence,
    place: placeOf(listing),
    approval: listing.approval,
    published_at: listing.publishedAt?.toISOString() ?? null,
    measures: measures && toMeasures(measures),
    plans,
  };
}

export function toListing(rows: ListingRows): Listing {
  return {
    ...toSummary(rows),
    terms: rows.listing.terms,
    dictionary: dictionarySchema.parse(rows.listing.dictionary),
    sample_taken_at: rows.listing.sampleTakenAt?.toISOString() ?? null,
  };
}

export function toOwnListing(rows: ListingRows): OwnListing {
  const { status, createdAt, updatedAt } = rows.listing;
  return {
    ...toListing(rows),
    status,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

/** The sample of a listing that has one. */
export function toSample({ producerId, sample, sampleTakenAt }: ListingRow): Sample | undefined {
  if (sampleTakenAt === null) return undefined;
  const readings = sampleSchema.shape.readings.parse(sample);
  return { producer_id: String(producerId), taken_at: sampleTakenAt.toISOString(), readings };
}

function placeOf({ placeName, region, latitude, longitude }: ListingRow): ListingSummary['place'] {
  if (region === null && latitude === null) return null;
  return { name: placeName, region, latitude, longitude };
}

function toMeasures({ figures, checked, fitting, checkedSince }: MeasuresRow): Measures {
  return {
    ...figuresSchema.parse(figures),
    dictionary: {
      share_fitting: checked === 0 ? null : fitting / checked,
      readings_fitting: fitting,
      readings_checked: checked,
      since: checkedSince?.toISOString() ?? null,
    },
  };
}
