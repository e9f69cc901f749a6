import { newListingSchema } from '@motience/protocol';
import { describe, expect, it } from 'vitest';
import { listingBody, numberIn } from './listing-body.ts';

const textOf = (fields: Record<string, string>) => (name: string) => fields[name] ?? '';
const said = { title: 'Roof', description: 'Weather.', category: 'weather', licence: 'CC0-1.0' };

describe('what a listing form says', () => {
  it('is what the service takes', () => {
    const place = { 'place.name': 'Lisbon', 'place.latitude': '38.72', 'place.longitude': '-9.14' };
    expect(
      newListingSchema.parse(
        listingBody(textOf({ ...said, ...place, seller: 'Weather Ltd', tags: ' Wind,, roof top ' }), undefined),
      ),
    ).toEqual({
      ...said,
      seller: 'Weather Ltd',
      tags: ['wind', 'roof top'],
      terms: null,
      place: { name: 'Lisbon', latitude: 38.72, longitude: -9.14 },
      approval: 'open',
    });
  });

  it('has no place and no seller where none is named', () => {
    expect(listingBody(textOf(said), undefined)).toMatchObject({ place: null, seller: null, tags: [] });
  });

  it('leaves what is no number to the service', () => {
    const body = listingBody(textOf({ ...said, 'place.latitude': 'north' }), undefined);
    const paths = newListingSchema.safeParse(body).error?.issues.map(({ path }) => path.join('.'));
    expect(paths).toContain('place.latitude');
  });
});

it.each([
  ['12', 12],
  ['-9.140', -9.14],
  ['', ''],
  ['1e3', '1e3'],
  ['0x10', '0x10'],
  ['1,5', '1,5'],
])('reads %j as %j', (text, expected) => {
  expect(numberIn(text)).toBe(expected);
});
