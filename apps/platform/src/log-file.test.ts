import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LogFile } from './log-file.ts';

test('a full log becomes the old one, so that it keeps at most twice its size; it may be closed twice', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'motience-log-'));
  try {
    const file = join(dir, 'logs', 'service.log');
    const log = new LogFile(file, 100);
    for (let line = 0; line < 100; line += 1) log.write(`line ${line} ${'.'.repeat(20)}`);
    log.close();
    log.close();
    expect((await stat(file)).size + (await stat(`${file}.1`)).size).toBeLessThanOrEqual(2 * (100 + 30));
    expect(await readFile(file, 'utf8')).toContain('line 99');
    const next = new LogFile(file, 10_000);
    next.write('after a restart');
    next.close();
    expect(await readFile(file, 'utf8')).toContain('line 99');
    expect(await readFile(file, 'utf8')).toContain('after a restart');
  } finally {
    await rm(dir, { recursive: true });
  }
});
