import { isUtf8 } from 'node:buffer';

export type Line = { number: number; text: string } | { number: number; mistake: string };

const newline = 0x0a;

/**
 * The lines of a byte stream, numbered from 1, without their ends. A line longer than `maxBytes`, or one that is no
 * UTF-8, comes as a mistake; no more than `maxBytes` of a line is ever held.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  let number = 1;
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const take = (part: Uint8Array) => {
    bytes += part.length;
    if (bytes <= maxBytes) parts.push(part);
    else parts = [];
  };
  const end = (): Line => {
    const line = toLine(number, parts, bytes, maxBytes);
    number += 1;
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      yield end();
    }
    if (from < chunk.length) take(chunk.subarray(from));
  }
  if (bytes > 0) yield end();
}

function toLine(number: number, parts: Uint8Array[], bytes: number, maxBytes: number): Line {
  if (bytes > maxBytes) return { number, mistake: `a line may have at most ${maxBytes} bytes, this one has ${bytes}` };
  const line = Buffer.concat(parts);
  if (!isUtf8(line)) return { number, mistake: 'expected UTF-8' };
  const text = line.toString('utf8');
  return { number, text: number === 1 && text.startsWith('\ufeff') ? text.slice(1) : text };
}
