import { createReadStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import type { DeviceConfig } from '../config.ts';
import { csvSource } from './csv-source.ts';
import { jsonLinesSource } from './json-lines-source.ts';
import { paced } from './paced.ts';
import type { Source, SourceItem } from './source.ts';
import { systemSource } from './system-source.ts';

/** The configured source, paced and repeated as configured. Throws if its file cannot be read. */
export async function openSource(config: DeviceConfig, stdin: Readable, signal: AbortSignal): Promise<Source> {
  const { source, deviceId, intervalMs } = config;
  if (source.kind === 'csv' || source.kind === 'jsonl') {
    await access(source.path, constants.R_OK).catch((cause: unknown) => {
      throw new Error(`--source: ${source.path} cannot be read`, { cause });
    });
  }
  const items = untilAborted(() => {
    if (source.kind === 'system') return systemSource(deviceId, signal);
    if (source.kind === 'stdin') return jsonLinesSource(addAbortSignal(signal, stdin), deviceId);
    return fileSource(source.kind, source.path, config, signal);
  }, signal);
  return intervalMs === 0 ? items : paced(items, intervalMs, signal);
}

async function* fileSource(
  kind: 'csv' | 'jsonl',
  path: string,
  { deviceId, loop }: DeviceConfig,
  signal: AbortSignal,
): AsyncGenerator<SourceItem> {
  for (let pass = 1; ; pass += 1) {
    const input = addAbortSignal(signal, createReadStream(path));
    let readings = 0;
    for await (const item of kind === 'csv' ? csvSource(input, deviceId) : jsonLinesSource(input, deviceId)) {
      if ('text' in item) readings += 1;
      // What is wrong with the file is told once, not on every pass.
      if ('text' in item || pass === 1) yield item;
    }
    if (!loop || signal.aborted) return;
    if (readings === 0) throw new Error(`${path} has no reading to repeat`);
  }
}

/** A source whose input is cut off on purpose ends; it does not fail. What was read before still comes. */
async function* untilAborted(open: () => Source, signal: AbortSignal): AsyncGenerator<SourceItem> {
  try {
    yield* open();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
