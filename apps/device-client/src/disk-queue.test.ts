import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiskQueue, type DiskQueueOptions } from './disk-queue.ts';

const reading = (value: number, deviceId = 'a', sequence?: number) => ({
  deviceId,
  timestamp: '2026-01-01T00:00:00Z',
  dataText: `{"value":${value}}`,
  sequence,
});
const readings = (count: number) => Array.from({ length: count }, (_, at) => reading(at + 1));

let directory: string;
let queue: DiskQueue | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'motience-queue-'));
});
afterEach(async () => {
  await queue?.close();
  queue = undefined;
  await rm(directory, { recursive: true, force: true });
});

const open = (options: Partial<DiskQueueOptions> = {}) =>
  DiskQueue.open({ directory, owner: 'pat/a', maxReadings: 1_000, maxBytes: 1_000_000, ...options });

/** Closes and opens the queue, as a restart does. */
async function reopen(options: Partial<DiskQueueOptions> = {}): Promise<DiskQueue> {
  await queue?.close();
  queue = await open(options);
  return queue;
}

const sequences = async (from: DiskQueue) => (await from.read(0, 1_000, 1_000_000)).map(({ sequence }) => sequence);

describe('a queue on disk', () => {
  test('gives back after a restart what was put in, byte for byte and in order', async () => {
    const first = await reopen();
    const odd = { ...reading(2, 'b', 77), dataText: '{ "huge":1e400,"big":12345678901234567890,"ü":"\\u00e9" }' };
    const appended = await first.append([reading(1), odd], { number: true });
    expect(await (await reopen()).read(0, 10, 1_000_000)).toEqual(appended);
    expect(appended.map(({ id, sequence, numbered }) => [id, sequence, numbered])).toEqual([
      [1, 1, true],
      [2, 77, false],
    ]);
  });

  test('numbers on after a restart, also when it is empty', async () => {
    const first = await reopen();
    await first.append(readings(3), { number: true });
    await first.removeThrough(3);
    const second = await reopen();
    expect(second.size()).toEqual({ readings: 0, bytes: 0 });
    expect(await second.append([reading(4)], { number: true })).toMatchObject([{ id: 4, sequence: 4 }]);
  });

  test('holds no more readings or bytes than it may, across restarts', async () => {
    const first = await reopen({ maxReadings: 3 });
    expect(await first.append(readings(2), { number: true })).toHaveLength(2);
    const second = await reopen({ maxReadings: 3 });
    expect(await second.append(readings(5), { number: true })).toHaveLength(1);
    const { bytes } = second.size();
    const third = await reopen({ maxBytes: bytes });
    expect(third.size()).toEqual({ readings: 3, bytes });
    expect(await third.append(readings(1), { number: true })).toHaveLength(0);
    expect(await third.removeOldest(1)).toBe(1);
    expect(await third.append(readings(5), { number: true })).toMatchObject([{ sequence: 4 }]);
  });

  test('renumbers what waits, and remembers it and what was confirmed', async () => {
    const first = await reopen();
    await first.append(readings(3), { number: true });
    await first.removeThrough(1);
    await first.confirmNumbering('a');
    expect(await (await reopen()).numbering('a')).toEqual({ last: 3, confirmed: true });
    await queue?.renumber('a', 100);
    const second = await reopen();
    expect(await second.numbering('a')).toEqual({ last: 102, confirmed: false });
    await second.append([reading(4)], { number: true });
    expect(await sequences(second)).toEqual([101, 102, 103]);
  });

  test('renumbers a device with nothing waiting, and leaves others and own numbers alone', async () => {
    const first = await reopen();
    await first.append([reading(1, 'b'), reading(2, 'a', 5)], { number: true });
    await first.renumber('a', 40);
    await first.append([reading(3), reading(4, 'b')], { number: true });
    expect(await sequences(first)).toEqual([1, 5, 41, 2]);
  });

  test('remembers across a restart where the last queued reading of each source came from, until told to forget', async () => {
    const first = await reopen({ maxReadings: 3 });
    const from = (source: string, position: string) => ({ ...reading(1), origin: { source, position } });
    await first.append([from('/a', '1'), from('/b', '7'), from('/a', '2'), from('/a', '3')], { number: true });
    const second = await reopen();
    await second.append([reading(2)], { number: true });
    expect(await second.position('/a')).toBe('2');
    expect(await second.position('/b')).toBe('7');
    await second.forgetPosition('/a');
    const third = await reopen();
    expect(await third.position('/a')).toBeUndefined();
    expect(await third.position('/b')).toBe('7');
    expect(third.size().readings).toBe(4);
  });

  test('refuses to number beyond what JSON carries exactly, and changes nothing', async () => {
    const first = await reopen();
    await first.append(readings(2), { number: true });
    await expect(first.renumber('a', Number.MAX_SAFE_INTEGER - 1)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await sequences(first)).toEqual([1, 2]);
  });

  test('a second process, or another owner, is told why it may not use it', async () => {
    await reopen();
    await expect(open()).rejects.toThrow(`the queue in ${directory} is in use by another process`);
    await queue?.close();
    queue = undefined;
    await expect(open({ owner: 'eve/b' })).rejects.toThrow('belongs to pat/a: choose another --queue-dir for eve/b');
    await reopen();
  });

  test('reads in order from after an id, so many or so many bytes', async () => {
    const first = await reopen();
    await first.append(readings(10), { number: true });
    await first.removeThrough(2);
    const ids = async (...args: [number, number, number]) => (await first.read(...args)).map(({ id }) => id);
    expect(await ids(0, 3, 1_000_000)).toEqual([3, 4, 5]);
    expect(await ids(5, 3, 1_000_000)).toEqual([6, 7, 8]);
    expect(await ids(8, 100, 1_000_000)).toEqual([9, 10]);
    expect(await ids(10, 100, 1_000_000)).toEqual([]);
    expect(await ids(0, 100, 1)).toEqual([3]);
    expect(await ids(0, 0, 1_000_000)).toEqual([]);
  });

  test('keeps every reading that it reported as queued when its process is killed while it appends', async () => {
    const script = `
      import { DiskQueue } from ${JSON.stringify(new URL('../dist/disk-queue.js', import.meta.url).href)};
      const queue = await DiskQueue.open(${JSON.stringify({ directory, owner: 'pat/a', maxReadings: 1e6, maxBytes: 1e9 })});
      for (let value = 1; ; value += 1) {
        const [queued] = await queue.append([{ ...${JSON.stringify(reading(0))}, dataText: '{"value":' + value + '}',
          origin: { source: 'counter', position: String(value) } }], { number: true });
        if (value % 3 === 0) await queue.removeThrough(queued.id - 2);
        process.stdout.write(queued.sequence + '\\n');
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = once(child, 'exit');
    let reported = 0;
    for await (const line of createInterface(child.stdout)) {
      reported = Number(line);
      if (reported >= 200) child.kill('SIGKILL');
    }
    await gone;
    const survivor = await reopen();
    const waiting = await survivor.read(0, 1_000, 1_000_000);
    const last = waiting.at(-1)?.sequence ?? 0;
    // One more may have reached the disk without being reported.
    expect([reported, reported + 1]).toContain(last);
    expect(waiting.map(({ sequence }) => sequence)).toEqual(waiting.map((_, at) => last - waiting.length + 1 + at));
    expect(waiting.map(({ dataText }) => dataText)).toEqual(waiting.map(({ sequence }) => `{"value":${sequence}}`));
    expect(waiting.length).toBeGreaterThanOrEqual(2);
    expect(await survivor.position('counter')).toBe(String(last));
    expect(await survivor.append([reading(0)], { number: true })).toMatchObject([{ sequence: last + 1 }]);
  });
});
