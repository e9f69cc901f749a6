import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findJsonMistake, placeInText } from './json-mistake.ts';

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

it.each([
  ['{"a":}', 5],
  ['{\n "a": 24.3,\n "b": 4O }', 21],
  ['{"a":1,}', 7],
  ['{"a" 1}', 5],
  ['[1 2]', 3],
  ['{"a":1', 6],
  ['', 0],
  ['{} x', 3],
  ['{]', 1],
  ["{'a':1}", 1],
  ['"open', 0],
  ['{"a":"tab\there"}', 5],
  ['{"a":"€😀"}', undefined],
])('finds where %j stops being JSON', (text, index) => {
  expect(findJsonMistake(text)).toBe(index);
});

it('finds a mistake exactly where there is one', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '1',
    '-0.5e3',
    'true',
    'null',
    ' ',
    '\n',
    'x',
    '"',
    '01',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.array(pieces).map((all) => all.join('')),
      ),
      (text) => {
        expect(findJsonMistake(text) === undefined).toBe(isJson(text));
      },
    ),
    { numRuns: 2_000 },
  );
});

it('counts lines and columns from 1', () => {
  expect(placeInText('{\n "a": 4O', 8)).toBe('line 2, column 7');
});
