import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const rounds = 300;
const appended = Buffer.alloc(16 * 1024, 1);

/** How long the disk takes to write what was appended to a file: no acknowledgement comes sooner. In words. */
export function describeDisk(): string {
  const folder = mkdtempSync(join(tmpdir(), 'motience-disk-'));
  const file = openSync(join(folder, 'appended'), 'a');
  try {
    const times = Array.from({ length: rounds }, () => {
      writeSync(file, appended);
      const startedAt = performance.now();
      fdatasyncSync(file);
      return performance.now() - startedAt;
    }).sort((one, other) => one - other);
    const ms = (share: number) => (times[Math.floor(share * rounds)] ?? 0).toFixed(2);
    return `fdatasync of 16 KiB p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms`;
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
