import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { printableIn } from './printable-text.ts';

const font = createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf');
const printable = printableIn(readFileSync(font));

it.each(['Pump house 7 – Łódź, “Škoda”', 'Ελλάδα, Україна, 100 €', 'مصر ישראל'])('leaves %s as it is', (text) => {
  expect(printable(text)).toBe(text);
});

it.each([
  ['气象站 7', '\\u{6c14}\\u{8c61}\\u{7ad9} 7'],
  ['서울', '\\u{c11c}\\u{c6b8}'],
  ['กรุง', '\\u{e01}\\u{e23}\\u{e38}\\u{e07}'],
  ['a🛰b', 'a\\u{1f6f0}b'],
])('writes what the font lacks of %s as codes', (text, expected) => {
  expect(printable(text)).toBe(expected);
});
