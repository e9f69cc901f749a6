import type { ListingSummary } from '@motience/protocol';

/** Where a stream is made, by name, or else by coordinates; undefined where neither is said. */
export function placeInWords(place: ListingSummary['place']): string | undefined {
  if (place === null) return undefined;
  const { name, region, latitude, longitude } = place;
  const named = [name, region].filter((text) => text !== null).join(', ');
  if (named !== '') return named;
  return latitude === null || longitude === null ? undefined : `${latitude.toFixed(2)}°, ${longitude.toFixed(2)}°`;
}
