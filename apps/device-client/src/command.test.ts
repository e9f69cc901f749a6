import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiskQueue } from './disk-queue.ts';

const launcher = fileURLToPath(new URL('../bin/motience-device.js', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'motience-device-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function start(args: string[], env: Record<string, string> = {}, command = launcher) {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, HOME: folder, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]).then(
    ([stdout, stderr, [code]]) => ({ stdout, stderr, code }),
  );
  return { child, ended };
}

async function run(args: string[], env: Record<string, string> = {}, input = '') {
  const { child, ended } = start(args, env);
  child.stdin.end(input);
  return ended;
}

/** Nothing listens there. */
const nowhere = ['--auth-url', 'http://127.0.0.1:1', '--gateway-url', 'ws://127.0.0.1:1'];
const device = [...nowhere, '--username', 'pat', '--device-id', 'd'];
const password = { MOTIENCE_PASSWORD: 'correct horse' };

describe('motience-device', () => {
  test('explains itself', async () => {
    const { stdout, code } = await run(['--help']);
    expect(code).toBe(0);
    for (const word of ['--source', '--queue-dir', 'MOTIENCE_PASSWORD', 'JSON lines', 'CSV', 'Examples:']) {
      expect(stdout).toContain(word);
    }
  });

  test('tells everything that is wrong with its options and ends with 2', async () => {
    const { stderr, code } = await run(['--username', 'a b', '--source', 'x.txt']);
    expect(code).toBe(2);
    expect(stderr.split('\n').map((line) => line.split(':')[0])).toEqual(
      expect.arrayContaining(['--username', '--device-id is missing', '--source']),
    );
  });

  test.each([['--password', 'secret'], ['--sorce', 'system'], ['surplus']])('does not take %s', async (...args) => {
    const { stderr, code } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toContain('--help');
  });

  test('without a password and a terminal to ask, it says how to give one', async () => {
    const { stderr, code } = await run([...device, '--source', 'system']);
    expect(code).toBe(1);
    expect(stderr).toContain('give --password-file or set MOTIENCE_PASSWORD');
  });

  test('a password file that is missing or empty is told by name', async () => {
    const file = join(folder, 'password');
    const args = [...device, '--source', 'stdin', '--password-file', file];
    expect(await run(args)).toMatchObject({ code: 1, stderr: expect.stringContaining(`${file} cannot be read`) });
    await writeFile(file, '\n');
    expect(await run(args)).toMatchObject({ code: 1, stderr: expect.stringContaining(`${file} is empty`) });
  });

  test('a queue that another process uses is told', async () => {
    const directory = join(folder, 'queue');
    const queue = await DiskQueue.open({ directory, owner: 'pat/d', maxReadings: 10, maxBytes: 10_000 });
    const { stderr, code } = await run([...device, '--source', 'stdin', '--queue-dir', directory], password);
    await queue.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`the queue in ${directory} is in use by another process`);
  });

  /** Starts a run without a network and kills it with -9 when everything has been read. Gives what it said. */
  async function killedRun(args: string[]): Promise<string> {
    const { child, ended } = start([...device, '--queue-dir', join(folder, 'queue'), ...args], password);
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += String(chunk);
      if (said.includes('the source has ended')) child.kill('SIGKILL');
    });
    return (await ended).stderr;
  }

  test('a file whose readings wait is not read a second time, but one that has grown or changed, or with --restart', async () => {
    const path = join(folder, 'week.csv');
    const source = ['--source', path];
    await writeFile(path, 'a\n1\n2\n');
    expect(await killedRun(source)).not.toMatch(/continuing|anew/);
    expect(await killedRun(source)).toContain(`continuing ${path} after record 2`);
    await appendFile(path, '3\n');
    expect(await killedRun(source)).toContain(`continuing ${path} after record 2`);
    expect(await killedRun([...source, '--restart'])).toContain(`starting ${path} anew, not after record 3`);
    await writeFile(path, 'a\n4\n5\n6\n7\n');
    expect(await killedRun(source)).toContain(`${path} is another file than the one that was read up to record 3`);
    const queue = await DiskQueue.open({
      directory: join(folder, 'queue'),
      owner: 'pat/d',
      maxReadings: 100,
      maxBytes: 100_000,
    });
    const left = await queue.read(0, 100, 100_000);
    await queue.close();
    expect(left.map(({ dataText }) => JSON.parse(dataText).a)).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('without a network it queues, tells bad lines, and when stopped leaves the readings for the next start', async () => {
    const directory = join(folder, 'queue');
    const { child, ended } = start([...device, '--source', 'stdin', '--queue-dir', directory], password);
    child.stdin.write('{"a":1}\nbad\n{"a":2}\n');
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += String(chunk);
      if (!child.killed && said.includes('skipped') && said.includes('reconnecting')) child.kill('SIGTERM');
    });
    const { code, stderr: seen } = await ended;
    expect(code).toBe(0);
    expect(seen).toMatch(/left in the queue for the next start.*"readings":2/);
    expect(seen).toMatch(/skipped: expected JSON.*"line":2/);
    expect(seen).toMatch(/not connected: .*no answer from http:\/\/127\.0\.0\.1:1/);
    expect(seen).not.toContain(password.MOTIENCE_PASSWORD);
    const queue = await DiskQueue.open({ directory, owner: 'pat/d', maxReadings: 10, maxBytes: 10_000 });
    const left = await queue.read(0, 10, 10_000);
    await queue.close();
    expect(left.map(({ sequence, dataText }) => [sequence, dataText])).toEqual([
      [1, '{"a":1}'],
      [2, '{"a":2}'],
    ]);
  });

  test('holds readings back while its disk refuses to write, says so, and queues each once when it can again', async () => {
    const directory = join(folder, 'queue');
    const args = [...device, '--source', 'stdin', '--queue-dir', directory];
    const { child, ended } = start(['--fsize=98304:unlimited', launcher, ...args], password, 'prlimit');
    const values = Array.from({ length: 2_000 }, (_, at) => at);
    child.stdin.end(values.map((value) => `{"value":${value},"padding":"${'x'.repeat(200)}"}\n`).join(''));
    let said = '';
    child.stderr.on('data', (chunk) => {
      const before = said;
      said += String(chunk);
      const begins = (words: string) => said.includes(words) && !before.includes(words);
      if (begins('held back')) execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']);
      if (begins('the source has ended')) child.kill('SIGKILL');
    });
    const { stderr: seen } = await ended;
    expect(seen).toMatch(/cannot be written: .*file too large.*held back/i);
    expect(seen).toContain('the queue can be written again');
    const queue = await DiskQueue.open({ directory, owner: 'pat/d', maxReadings: 10_000, maxBytes: 10_000_000 });
    const left = await queue.read(0, 10_000, 10_000_000);
    await queue.close();
    expect(left.map(({ dataText }) => JSON.parse(dataText).value)).toEqual(values);
  });

  test('counts the oldest readings that a full queue of system readings drops, at once and when it ends', async () => {
    const directory = join(folder, 'queue');
    const args = ['--source', 'system', '--interval', '20ms', '--max-queue-readings', '5', '--queue-dir', directory];
    const { child, ended } = start([...device, ...args], password);
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += String(chunk);
      if (!child.killed && said.includes('are being dropped')) child.kill('SIGTERM');
    });
    const { code, stderr: seen } = await ended;
    expect(code).toBe(0);
    const dropped = Number(/in all.*"dropped":(\d+)/.exec(seen)?.[1]);
    expect(dropped).toBeGreaterThan(0);
    const queue = await DiskQueue.open({ directory, owner: 'pat/d', maxReadings: 10, maxBytes: 10_000 });
    const left = await queue.read(0, 10, 10_000);
    await queue.close();
    expect(left.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5].map((place) => dropped + place));
  });
});
