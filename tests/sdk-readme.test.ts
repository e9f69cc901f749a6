import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Account, signUp, subscribe } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { until } from './socket-client.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
let services: ServicesUnderTest;
let folder: string;
const started: ChildProcess[] = [];

beforeAll(async () => {
  services = await ServicesUnderTest.start();
  folder = await mkdtemp(join(tmpdir(), 'motience-sdk-readme-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
});

afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await services?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the snippet of a section of the SDK's README as it stands, with the addresses and accounts of this test. */
async function run(section: string, { producer, consumer }: { producer: Account; consumer: Account }) {
  const readme = await readFile(join(root, 'packages/sdk/README.md'), 'utf8');
  const snippet = new RegExp(`^## ${section}$.*?^\`\`\`js\n(.*?)^\`\`\``, 'ms').exec(readme)?.[1] ?? '';
  const own = new Map([
    ['http://localhost:3001', services.httpUrl('auth-api')],
    ['ws://localhost:8001', new URL(services.socketUrl('producer')).origin],
    ['ws://localhost:8002', new URL(services.socketUrl('consumer')).origin],
    ["'producer1', password: 'pass123'", `'${producer.username}', password: '${producer.password}'`],
    ["'consumer1', password: 'pass123'", `'${consumer.username}', password: '${consumer.password}'`],
  ]);
  const text = [...own].reduce((before, [from, to]) => before.replace(from, to), snippet);
  const file = join(folder, `${section}.mjs`);
  await writeFile(file, text);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const said = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said.text += String(chunk)));
  return { child, said };
}

it('what the README of the SDK shows works as it stands', async () => {
  const producer = await signUp(services, 'producer', ['rpi_001']);
  const consumer = await signUp(services, 'consumer');
  await subscribe(services, consumer, producer);
  const receiver = await run('Receive', { producer, consumer });
  // The receiver starts with what is live once it is connected, which it does not say.
  await until(async () => {
    const sender = await run('Send', { producer, consumer });
    const [code] = await once(sender.child, 'close');
    expect(sender.said.text).toBe('');
    expect(code).toBe(0);
    return receiver.said.text !== '';
  });
  expect(receiver.said.text).toMatch(new RegExp(`^${producer.id} rpi_001 \\d+ { temperature: 24.3 }`));
});
