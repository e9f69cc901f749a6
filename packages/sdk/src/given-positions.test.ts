import { describe, expect, test } from 'vitest';
import { GivenPositions } from './given-positions.ts';

const at = (seq: number, producerId = '7') => ({ producer_id: producerId, epoch: 'e', seq });

describe('positions that cover what the application is finished with', () => {
  test('stand before the first reading it is not finished with, whatever came after', () => {
    const given = new GivenPositions();
    given.given(at(11));
    given.given(at(12));
    expect(given.cover([at(12), at(3, '8')])).toEqual([at(10), at(3, '8')]);
    given.finished(at(11));
    expect(given.cover([at(20)])).toEqual([at(11)]);
  });

  test('are where the stream stands once it is finished with everything', () => {
    const given = new GivenPositions();
    given.given(at(11));
    given.finished(at(11));
    expect(given.cover([at(20)])).toEqual([at(20)]);
  });
});
