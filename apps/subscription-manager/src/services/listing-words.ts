import { type DictionaryField, type NewListing, parsePath } from '@motience/protocol';

/** What full text finds of a listing beside its title and description: seller, category, tags and place. */
export function labelWords(listing: Pick<NewListing, 'seller' | 'category' | 'tags' | 'place'>): string {
  const { seller, category, tags, place } = listing;
  return words([seller ?? undefined, category, ...tags, place?.name, place?.region]);
}

/** The same of its dictionary. */
export function fieldWords(fields: readonly DictionaryField[]): string {
  return words(fields.flatMap(({ path, unit, description }) => [path, unit, description]));
}

/** Names by which fields are found: each by its whole path and by its last name, with its unit. */
export function searchableFields(fields: readonly DictionaryField[]): { name: string; unit?: string }[] {
  return fields.flatMap(({ path, unit }) => {
    const last = parsePath(path)?.findLast((step) => step !== 'elements');
    const names = new Set([path, last?.name ?? path].map((name) => name.toLowerCase()));
    return [...names].map((name) => ({ name, ...(unit === undefined ? {} : { unit }) }));
  });
}

/** PostgreSQL would take `position.lat` for the name of a host. */
function words(texts: readonly (string | undefined)[]): string {
  return texts
    .filter((text) => text !== undefined)
    .join(' ')
    .replaceAll(/[^\p{L}\p{M}\p{N}°%]+/gu, ' ')
    .trim();
}
