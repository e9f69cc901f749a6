import type { OwnListing } from '@motience/protocol';

/** What a form's field of that name holds, without blanks around it. */
export type FieldText = (name: string) => string;

/**
 * The listing as the service takes it, from fields that bear the service's names. What a form does not ask for stays as
 * it is. What is not a number goes as it was written, so that the service says what it expects.
 */
export function listingBody(text: FieldText, former: OwnListing | undefined): object {
  const place = Object.entries({
    name: text('place.name'),
    region: text('place.region'),
    latitude: numberIn(text('place.latitude')),
    longitude: numberIn(text('place.longitude')),
  }).filter(([, value]) => value !== '');
  return {
    title: text('title'),
    seller: text('seller') === '' ? null : text('seller'),
    description: text('description'),
    category: text('category'),
    tags: text('tags')
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ''),
    licence: text('licence'),
    terms: former?.terms ?? null,
    place: place.length === 0 ? null : Object.fromEntries(place),
    approval: former?.approval ?? 'open',
  };
}

/** A number where the text is one, otherwise the text. */
export function numberIn(text: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
