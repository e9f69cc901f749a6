import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, startPrivateRedis } from '@motience/engines/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { z } from 'zod';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const listeningSchema = z.object({ type: z.literal('listening'), port: z.int() });
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function run(environment: Record<string, string>): { child: ChildProcess; errors: () => string } {
  const child = fork(main, { env: { PATH: process.env.PATH, ...environment }, silent: true });
  closers.push(async () => void child.kill('SIGKILL'));
  let errors = '';
  child.stdout?.resume();
  child.stderr?.on('data', (chunk) => {
    errors += String(chunk);
  });
  return { child, errors: () => errors };
}

it('listens, says so to its parent, is ready, notices Redis going and coming back, and stops on SIGTERM', async () => {
  const [database, redis] = await Promise.all([createTestDatabase(), startPrivateRedis()]);
  closers.push(database.drop, redis.close);
  const { child } = run({ DATABASE_URL: database.url, REDIS_URL: redis.url, BILLING_PORT: '0' });
  const [message] = await once(child, 'message');
  const { port } = listeningSchema.parse(message);
  const ready = async () => (await fetch(`http://127.0.0.1:${port}/ready`)).status;
  await vi.waitFor(async () => expect(await ready()).toBe(200), 30_000);
  await redis.stop();
  await vi.waitFor(async () => expect(await ready()).toBe(503), 30_000);
  await redis.restart();
  await vi.waitFor(async () => expect(await ready()).toBe(200), 30_000);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('lists everything that is wrong with its environment, in one go', async () => {
  const { child, errors } = run({ BILLING_PORT: 'high', PLATFORM_FEE_PPM: '-1' });
  expect(await once(child, 'exit')).toEqual([1, null]);
  for (const name of ['DATABASE_URL', 'REDIS_URL', 'BILLING_PORT', 'PLATFORM_FEE_PPM']) {
    expect(errors()).toContain(name);
  }
});
