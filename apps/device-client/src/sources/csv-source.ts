import type { Readable } from 'node:stream';
import { type CsvError, parse } from 'csv-parse';
import { z } from 'zod';
import { SteadyClock } from '../steady-clock.ts';
import { checkReading, readingText, type SourceItem } from './source.ts';

const maxRowBytes = 64 * 1024;
/** Rows that no record can be made of and that were not told yet; what is beyond is skipped without a word each. */
const maxSkipped = 1_000;
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
type Mistake = Extract<SourceItem, { mistake: string }>;

const rowSchema = z.object({ record: z.array(z.string()), info: z.object({ lines: z.int() }) });

/**
 * Readings from CSV with a header row (RFC 4180). Each column becomes a field of `data`; a cell that is a JSON number
 * stays the number it is, digit for digit, an empty one becomes null, everything else text. A column `timestamp` holds
 * the readings' timestamps (RFC 3339); without it the present moment is taken. A bad row comes as a mistake.
 */
export async function* csvSource(
  input: Readable,
  deviceId: string,
  clock = new SteadyClock(),
): AsyncGenerator<SourceItem> {
  const skipped: Mistake[] = [];
  const parser = parse({
    bom: true,
    info: true,
    max_record_size: maxRowBytes,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      if (error && skipped.length < maxSkipped) skipped.push({ mistake: error.message, line: lineOf(error) });
    },
  });
  input.on('error', (error) => parser.destroy(error));
  let header: string[] | undefined;
  for await (const value of input.pipe(parser)) {
    const { record, info } = rowSchema.parse(value);
    // The parser is ahead of us: only what it skipped before this row is due.
    while (skipped[0] && skipped[0].line <= info.lines) yield* skipped.splice(0, 1);
    if (!header) {
      header = record.map((name) => name.trim());
      const mistake = headerMistake(header);
      if (mistake === undefined) continue;
      input.destroy();
      yield { mistake, line: info.lines };
      return;
    }
    const item = readRow(header, record, deviceId, clock);
    yield 'text' in item ? item : { ...item, line: info.lines };
  }
  yield* skipped;
}

function headerMistake(header: string[]): string | undefined {
  if (header.some((name) => name === '')) return 'the header row has a column without a name';
  const twice = header.find((name, at) => header.indexOf(name) !== at);
  return twice === undefined ? undefined : `the header row names ${JSON.stringify(twice)} twice`;
}

function readRow(
  header: string[],
  cells: string[],
  deviceId: string,
  clock: SteadyClock,
): { text: string } | { mistake: string } {
  if (cells.length !== header.length) return { mistake: `expected ${header.length} cells, got ${cells.length}` };
  const timestampAt = header.indexOf('timestamp');
  const fields = header.flatMap((name, at) =>
    at === timestampAt ? [] : [`${JSON.stringify(name)}:${jsonText(cells[at] ?? '')}`],
  );
  return checkReading(readingText(deviceId, cells[timestampAt] ?? clock.now(), `{${fields.join(',')}}`));
}

function jsonText(cell: string): string {
  const trimmed = cell.trim();
  if (trimmed === '') return 'null';
  return jsonNumber.test(trimmed) ? trimmed : JSON.stringify(cell);
}

function lineOf(error: CsvError): number {
  return typeof error.lines === 'number' ? error.lines : 0;
}
