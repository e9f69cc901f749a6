import { create } from 'fontkit';

/**
 * What a font can print of a text: letters it lacks, which would all be the same box, are written as their code in Unicode,
 * such as `\u{4f60}`.
 */
export type Printable = (text: string) => string;

/** `font` is a file with one font. */
export function printableIn(file: Buffer): Printable {
  const font = create(file);
  if (!('hasGlyphForCodePoint' in font)) throw new Error('expected a file with one font');
  return (text) => [...text].map((letter) => printed(letter, (code) => font.hasGlyphForCodePoint(code))).join('');
}

function printed(letter: string, has: (code: number) => boolean): string {
  const code = letter.codePointAt(0) ?? 0;
  return has(code) ? letter : `\\u{${code.toString(16)}}`;
}
