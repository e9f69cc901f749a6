import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServicesUnderTest } from './services-under-test.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
let services: ServicesUnderTest;
let folder: string;

beforeAll(async () => {
  services = await ServicesUnderTest.start();
  folder = await mkdtemp(join(tmpdir(), 'motience-tour-'));
});

afterAll(async () => {
  await services?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Pastes the first block of commands under a heading into a shell, at the addresses of this test. */
async function paste(heading: string): Promise<{ said: string; complaints: string }> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const block = new RegExp(`^#+ ${heading}$.*?^\`\`\`bash\n(.*?)^\`\`\``, 'ms').exec(readme)?.[1];
  if (block === undefined) throw new Error(`the README has no commands under "${heading}"`);
  const own = new Map([
    ['http://localhost:3001', services.httpUrl('auth-api')],
    ['http://localhost:3002', services.httpUrl('subscription-manager')],
    ['http://localhost:3004', services.httpUrl('billing-api')],
    ['http://localhost:8002', new URL(services.socketUrl('consumer')).origin.replace('ws', 'http')],
    ['ws://localhost:8001', new URL(services.socketUrl('producer')).origin],
  ]);
  const commands = [...own].reduce((before, [from, to]) => before.replaceAll(from, to), block);
  const shell = spawn('bash', [], {
    cwd: root,
    env: { ...process.env, DATABASE_URL: services.databaseUrl, XDG_STATE_HOME: folder },
  });
  let [said, complaints] = ['', ''];
  shell.stdout.on('data', (text) => {
    said += String(text);
  });
  shell.stderr.on('data', (text) => {
    complaints += String(text);
  });
  shell.stdin.end(commands);
  await once(shell, 'close');
  return { said, complaints };
}

/** Answers stand on lines of their own. */
const answersIn = (said: string) => said.split('\n').filter((line) => line.startsWith('{') || line.startsWith('['));

it.each(['for the first time', 'again'])('the first tour works as it is printed: %s', async () => {
  const { said, complaints } = await paste('A first tour with curl');
  expect(complaints).toBe('');
  const [consumer, subscription, ...more] = answersIn(said).map((line) => JSON.parse(line));
  expect(consumer).toMatchObject({ role: 'consumer' });
  expect(subscription).toMatchObject({ status: 'active' });
  expect(more).toEqual([]);
  expect(said).toMatch(/^npx -y wscat -c 'ws:\S+\/consumer\?token=eyJ[\w.-]+'$/m);
});

it.each(['for the first time', 'again'])(
  'a stream is sold and paid for as it is printed: %s',
  async () => {
    const { said } = await paste('Sell a stream, and pay for it');
    expect(said).not.toContain('"error":{"kind":"conflict"');
    expect(said.match(/"kind":"payment-required"/g)).toHaveLength(1);
    expect(said.match(/"reason":"insufficient-funds"/g)).toHaveLength(2);
    expect(said).toContain('"data":{"temperature":20}');
    const wallet = answersIn(said).flatMap((line) => (line.includes('"balance":') ? [JSON.parse(line)] : []));
    expect(wallet).toHaveLength(1);
    expect(Number(wallet[0].balance) + Number(wallet[0].held)).toBeCloseTo(0.95, 6);
    for (const line of answersIn(said)) expect(() => JSON.parse(line)).not.toThrow();
  },
  90_000,
);
