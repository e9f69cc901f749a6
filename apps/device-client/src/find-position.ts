import type { Logger } from 'pino';
import type { DeviceConfig } from './config.ts';
import type { DiskQueue } from './disk-queue.ts';
import { type FilePosition, fileOrigin, isSameFile, parsePosition } from './sources/file-position.ts';

/**
 * Where an interrupted run over the configured file stopped; nothing if there was none, if another file is there now,
 * or if `--restart` asks for it, and then the position is forgotten. Says on the log what it found.
 */
export async function findPosition(
  { source, restart }: DeviceConfig,
  queue: DiskQueue,
  log: Logger,
): Promise<FilePosition | undefined> {
  if (!('path' in source)) return undefined;
  const { path } = source;
  const known = queue.position(fileOrigin(path));
  if (known === undefined) return undefined;
  const position = parsePosition(known);
  const { record, round } = position;
  const place = `record ${record}${round > 1 ? ` of round ${round}` : ''}`;
  if (!restart && (await isSameFile(path, position.file))) {
    log.info(`continuing ${path} after ${place}`);
    return position;
  }
  if (restart) log.info(`starting ${path} anew, not after ${place}`);
  else log.warn(`${path} is another file than the one that was read up to ${place}: starting anew`);
  await queue.forgetPosition(fileOrigin(path));
  return undefined;
}
