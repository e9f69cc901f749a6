import { createReadStream } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import type { SteadyClock } from '../steady-clock.ts';
import { csvSource } from './csv-source.ts';
import { type FilePosition, fileOrigin, formatPosition, identifyFile } from './file-position.ts';
import { jsonLinesSource } from './json-lines-source.ts';
import type { SourceItem } from './source.ts';

/** A file's readings, each with its position; from `after` a position on, if given, and over and over with `loop`. */
export async function* fileSource(
  { kind, path }: { kind: 'csv' | 'jsonl'; path: string },
  { deviceId, loop }: { deviceId: string; loop: boolean },
  { signal, clock, after }: { signal: AbortSignal; clock: SteadyClock; after?: FilePosition | undefined },
): AsyncGenerator<SourceItem> {
  const source = fileOrigin(path);
  let known = after?.record ?? 0;
  for (let round = after?.round ?? 1; ; round += 1) {
    const file = await identifyFile(path);
    const input = addAbortSignal(signal, createReadStream(path));
    let record = 0;
    for await (const item of kind === 'csv'
      ? csvSource(input, deviceId, clock)
      : jsonLinesSource(input, deviceId, clock)) {
      if ('text' in item) {
        record += 1;
        if (record <= known) continue;
        yield file ? { ...item, origin: { source, position: formatPosition({ file, record, round }) } } : item;
      } else if (round === 1 && record >= known) {
        // What is wrong with the file is told once, not on every round.
        yield item;
      }
    }
    if (!loop || signal.aborted) return;
    if (record === 0) throw new Error(`${path} has no reading to repeat`);
    known = 0;
  }
}
