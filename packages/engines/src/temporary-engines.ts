import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineSpec } from './guard-protocol.ts';
import { findRedisBinary } from './redis-binary.ts';

/** The Redis that tests run on; throws where none is installed. */
export function redisSpec(
  options: { appendfsync?: 'always' | 'everysec' | 'no'; maxMemoryBytes?: number } = {},
): EngineSpec {
  const binary = findRedisBinary();
  if (!binary) throw new Error('no redis-server or valkey-server >= 7.0 is on PATH');
  return {
    engine: 'redis',
    command: binary.command,
    appendfsync: options.appendfsync ?? 'always',
    maxMemoryBytes: options.maxMemoryBytes ?? 512 * 1024 * 1024,
  };
}

/** A new folder under the system's temporary one that PostgreSQL's account may pass through. */
export async function makeTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'motience-'));
  await chmod(folder, 0o711);
  return folder;
}
