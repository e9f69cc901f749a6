import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../../.ci/summary.mjs', import.meta.url));
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'motience-summary-'));
});

afterEach(() => rm(dir, { recursive: true }));

/** Exit code and last line for vitest's results and the steps that failed. */
async function summarize(results: unknown, ...failedSteps: string[]): Promise<[number | null, string | undefined]> {
  const file = join(dir, 'results.json');
  await writeFile(file, typeof results === 'string' ? results : JSON.stringify(results));
  const { status, stdout } = spawnSync(process.execPath, [program, file, ...failedSteps], { encoding: 'utf8' });
  return [status, stdout.trim().split('\n').at(-1)];
}

const all = { numPassedTests: 7, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };

test('passed, failed and skipped tests are counted as vitest counted them', async () => {
  expect(await summarize(all)).toEqual([0, '7 passed, 0 failed']);
  expect(await summarize({ ...all, numPendingTests: 2 })).toEqual([0, '7 passed, 0 failed, 2 skipped']);
  expect(await summarize({ ...all, numFailedTests: 3 }, 'npm test')).toEqual([1, '7 passed, 3 failed']);
});

test('what failed without a failed test to show for it counts as one failure', async () => {
  expect(await summarize(all, 'npm run check')).toEqual([1, '7 passed, 1 failed']);
  expect(await summarize(all, 'npm test')).toEqual([1, '7 passed, 1 failed']);
  expect(await summarize('', 'npm ci', 'npm test')).toEqual([1, '0 passed, 1 failed']);
  const brokenFile = { name: 'a.test.ts', status: 'failed', assertionResults: [] };
  expect(await summarize({ ...all, testResults: [brokenFile] }, 'npm test')).toEqual([1, '7 passed, 1 failed']);
});

test('no test at all is a failure', async () => {
  expect(await summarize({ ...all, numPassedTests: 0 })).toEqual([1, '0 passed, 1 failed']);
});
