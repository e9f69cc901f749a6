import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const settingsFolder = 'packages/service-kit/src/config';
const sources = [
  ...readdirSync(`${root}/apps`).map((app) => `apps/${app}/src/config.ts`),
  ...readdirSync(`${root}/${settingsFolder}`).map((file) => `${settingsFolder}/${file}`),
  'packages/gateway-kit/src/gateway-settings.ts',
].filter((path) => !path.endsWith('.test.ts') && existsSync(`${root}/${path}`));

it('the README lists every variable that a configuration reads, once, and no other', () => {
  const read = sources.flatMap((path) => namesIn(readText(path), /'([A-Z][A-Z0-9_]{2,})'/g));
  const section = /^## Configuration$.*?^## /ms.exec(readText('README.md'))?.[0] ?? '';
  const firstCells = section.split('\n').map((line) => /^\|([^|]*)\|/.exec(line)?.[1] ?? '');
  const listed = firstCells.flatMap((cell) => namesIn(cell, /`([A-Z][A-Z0-9_]{2,})`/g));
  expect(listed.length).toBeGreaterThan(50);
  expect(listed.sort()).toEqual([...new Set(read)].sort());
});

function readText(path: string): string {
  return readFileSync(`${root}/${path}`, 'utf8');
}

function namesIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name]) => name ?? '');
}
