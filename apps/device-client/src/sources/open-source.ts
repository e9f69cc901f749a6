import { access, constants } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import type { DeviceConfig } from '../config.ts';
import { SteadyClock } from '../steady-clock.ts';
import type { FilePosition } from './file-position.ts';
import { fileSource } from './file-source.ts';
import { jsonLinesSource } from './json-lines-source.ts';
import { paced } from './paced.ts';
import type { Source, SourceItem } from './source.ts';
import { systemSource } from './system-source.ts';

/** Throws if the source is a file that cannot be read. */
export async function checkSource({ source }: DeviceConfig): Promise<void> {
  if (!('path' in source)) return;
  await access(source.path, constants.R_OK).catch((cause: unknown) => {
    throw new Error(`--source: ${source.path} cannot be read`, { cause });
  });
}

/** The configured source, paced and repeated as configured; a file goes on `after` a position in it, if given. */
export function openSource(
  config: DeviceConfig,
  {
    stdin,
    signal,
    clock = new SteadyClock(),
    after,
  }: { stdin: Readable; signal: AbortSignal; clock?: SteadyClock; after?: FilePosition | undefined },
): Source {
  const { source, deviceId, intervalMs } = config;
  const items = untilAborted(() => {
    if (source.kind === 'system') return systemSource(deviceId, clock, intervalMs, signal);
    if (source.kind === 'stdin') return jsonLinesSource(addAbortSignal(signal, stdin), deviceId, clock);
    return fileSource(source, config, { signal, clock, after });
  }, signal);
  // What is measured is measured when it is due, and not held back after.
  return intervalMs === 0 || source.kind === 'system' ? items : paced(items, intervalMs, signal);
}

/** A source whose input is cut off on purpose ends; it does not fail. What was read before still comes. */
async function* untilAborted(open: () => Source, signal: AbortSignal): AsyncGenerator<SourceItem> {
  try {
    yield* open();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
