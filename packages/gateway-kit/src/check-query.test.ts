import { describe, expect, it } from 'vitest';
import { checkQuery } from './check-query.ts';

describe('a query', () => {
  it.each(['', 'mode=manual', 'token=a&mode=manual', 'producer_id=3&fields=a&fields=b', 'more=1'])(
    '%j is taken',
    (query) => {
      expect(() => checkQuery(query)).not.toThrow();
    },
  );

  it.each([
    ['mode=manul', 'mode: expected manual'],
    ['mode=', 'mode: expected manual'],
    ['producer_id=3&producer_id=4', 'producer_id: appears twice'],
    ['device_id=a&device%5Fid=b', 'device_id: appears twice'],
  ])('%j is refused with the name: %s', (query, message) => {
    expect(() => checkQuery(query)).toThrow(expect.objectContaining({ kind: 'invalid-request' }));
    expect(() => checkQuery(query)).toThrow(message);
  });
});
