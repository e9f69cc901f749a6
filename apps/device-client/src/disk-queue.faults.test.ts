import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, open as openFile, readdir, rm, stat, truncate, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { DiskQueue, type DiskQueueOptions } from './disk-queue.ts';

const reading = (value: number, padding = 0) => ({
  deviceId: 'a',
  timestamp: '2026-01-01T00:00:00Z',
  dataText: `{"value":${value},"padding":"${'x'.repeat(padding)}"}`,
  sequence: undefined,
});
const readings = (from: number, to: number, padding = 0) =>
  Array.from({ length: to - from + 1 }, (_, at) => reading(from + at, padding));

let folder: string;
let directory: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'motience-queue-'));
  directory = join(folder, 'queue');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function open(options: Partial<DiskQueueOptions> = {}): Promise<DiskQueue> {
  const queue = await DiskQueue.open({ directory, owner: 'pat/a', maxReadings: 1e6, maxBytes: 1e9, ...options });
  onTestFinished(() => queue.close());
  return queue;
}

const values = async (queue: DiskQueue): Promise<number[]> =>
  (await queue.read(0, 1e6, 1e9)).map(({ dataText }) => JSON.parse(dataText).value);
const oneTo = (last: number) => Array.from({ length: last }, (_, at) => at + 1);

/** The queue as it would be found after the power was cut now: a copy of its files, taken in another boot. */
async function cutPower(): Promise<void> {
  const copy = join(folder, 'copy');
  await cp(directory, copy, { recursive: true });
  const db = new ClassicLevel(copy);
  await db.put('opened-in', 'another boot', { sync: true });
  await db.close();
  directory = copy;
}

async function fileNamed(pattern: RegExp): Promise<string> {
  const names = (await readdir(directory)).filter((name) => pattern.test(name)).sort();
  const name = names.at(-1);
  if (name === undefined) throw new Error(`no file ${pattern}`);
  return join(directory, name);
}

async function garble(path: string, at: number, length: number): Promise<void> {
  const file = await openFile(path, 'r+');
  await file.write(Buffer.alloc(length, 0xff), 0, length, at);
  await file.close();
}

describe('on a disk that refuses to write', () => {
  test('refuses what it cannot write, keeps the rest readable, and goes on when it can write again, across restarts', async () => {
    // Files may grow to 96 KiB: LevelDB's log then breaks off in the middle of a record, as on a full disk.
    const script = `
      import { DiskQueue } from ${JSON.stringify(new URL('../dist/disk-queue.js', import.meta.url).href)};
      const queue = await DiskQueue.open(${JSON.stringify({ directory, owner: 'pat/a', maxReadings: 1e6, maxBytes: 1e9 })});
      const add = async (value) => {
        const dataText = '{"value":' + value + ',"padding":"' + 'x'.repeat(1000) + '"}';
        const reading = { deviceId: 'a', timestamp: '2026-01-01T00:00:00Z', dataText, sequence: undefined };
        const origin = { source: 'counter', position: String(value) };
        return queue.append([{ ...reading, origin }], { number: true }).then(() => undefined, (error) => error);
      };
      let value = 0, refused;
      while (!refused) refused = await add(++value);
      const waiting = async () => (await queue.read(0, 1e6, 1e9)).length;
      const still = await add(value);
      await queue.removeThrough(5);
      console.log(JSON.stringify({ value, refused: refused.name + ': ' + refused.message, still: still?.name,
        size: queue.size().readings, waiting: await waiting(), last: (await queue.numbering('a')).last }));
      process.once('message', async () => {
        for (; value <= 300; value += 1) {
          const error = await add(value);
          if (error) throw error;
        }
        await queue.confirmNumbering('a');
        console.log(JSON.stringify({ size: queue.size().readings, waiting: await waiting() }));
        process.kill(process.pid, 'SIGKILL');
      });`;
    const child = spawn('prlimit', ['--fsize=98304:unlimited', process.execPath, '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const gone = once(child, 'exit');
    if (!child.stdout) throw new Error('no output');
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const { value, refused, ...full } = JSON.parse((await lines.next()).value);
    expect(value).toBeGreaterThan(50);
    expect(refused).toMatch(/^QueueUnwritable: .* cannot be written: .*file too large/i);
    expect(full).toEqual({ still: 'QueueUnwritable', size: value - 6, waiting: value - 6, last: value - 1 });

    execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']);
    child.send('go on');
    expect(JSON.parse((await lines.next()).value)).toEqual({ size: 295, waiting: 295 });
    await gone;
    const survivor = await open();
    expect(await values(survivor)).toEqual(oneTo(300).slice(5));
    expect((await survivor.read(0, 1e6, 1e9)).map(({ sequence }) => sequence)).toEqual(oneTo(300).slice(5));
    expect(survivor.position('counter')).toBe('300');
    expect(await survivor.numbering('a')).toEqual({ last: 300, confirmed: true });
    expect(survivor.damage).toEqual({ missing: 0, isRepaired: false });
  });

  test('adds nothing where less is free than it is to leave, and says so', async () => {
    const roomy = await open();
    await roomy.append(readings(1, 3), { number: true });
    await roomy.close();
    const tight = await open({ minFreeBytes: 2 ** 60 });
    await expect(tight.append(readings(4, 4), { number: true })).rejects.toThrow(/less than \d+ MiB are free/);
    await tight.removeThrough(1);
    await expect(tight.append(readings(4, 4), { number: true })).rejects.toThrow('cannot be written');
    expect(await values(tight)).toEqual([2, 3]);
    expect(await tight.numbering('a')).toMatchObject({ last: 3 });
  });
});

describe('after a power cut', () => {
  test('nothing that was reported as queued is missing, however the last unsynced write was torn', async () => {
    const queue = await open();
    await queue.append(readings(1, 200, 100), { number: true });
    await queue.confirmNumbering('a');
    const { size: synced } = await stat(await fileNamed(/\.log$/));
    await queue.removeThrough(100);
    const { size } = await stat(await fileNamed(/\.log$/));
    expect(size).toBeGreaterThan(synced);
    await cutPower();
    const log = await fileNamed(/\.log$/);
    const original = directory;
    for (const [at, length] of [
      [synced, 0],
      [synced + 5, 0],
      [size - 1, 0],
      [synced + 3, 40],
    ] as const) {
      directory = join(folder, `torn-${at}-${length}`);
      await cp(original, directory, { recursive: true });
      if (length === 0) await truncate(join(directory, log.slice(original.length)), at);
      else await garble(join(directory, log.slice(original.length)), at, length);
      const survivor = await open();
      const left = await values(survivor);
      expect(left.slice(-100)).toEqual(oneTo(200).slice(100));
      expect(left).toEqual(oneTo(200).slice(-left.length));
      expect(survivor.damage).toEqual({ missing: 0, isRepaired: false });
    }
  });

  test('numbers that a disk lost although it had reported them as written are not given again', async () => {
    const queue = await open();
    await queue.append(readings(1, 10), { number: true });
    await queue.confirmNumbering('a');
    await queue.close();
    const again = await open();
    const { size } = await stat(await fileNamed(/\.log$/));
    const sent = await again.append(readings(11, 100), { number: true });
    await cp(directory, join(folder, 'cut'), { recursive: true });
    directory = join(folder, 'cut');
    await truncate(await fileNamed(/\.log$/), size);
    await cutPower();
    const survivor = await open();
    expect(await values(survivor)).toEqual(oneTo(10));
    const [next] = await survivor.append(readings(101, 101), { number: true });
    expect(next?.sequence).toBeGreaterThan(sent.at(-1)?.sequence ?? 0);
    expect(await survivor.numbering('a')).toEqual({ last: next?.sequence, confirmed: true });
    expect((await survivor.read(0, 10, 1e6)).map(({ sequence }) => sequence)).toEqual(oneTo(10));
  });

  test('and after a crash without one, or a planned restart, no number is left out', async () => {
    const queue = await open();
    await queue.append(readings(1, 3), { number: true });
    await cp(directory, join(folder, 'crashed'), { recursive: true });
    directory = join(folder, 'crashed');
    const crashed = await open();
    expect(await crashed.append(readings(4, 4), { number: true })).toMatchObject([{ sequence: 4 }]);
    await crashed.close();
    const restarted = await open();
    expect(await restarted.append(readings(5, 5), { number: true })).toMatchObject([{ sequence: 5 }]);
  });
});

describe('a disk that damages what was on it', () => {
  beforeEach(async () => {
    const queue = await DiskQueue.open({ directory, owner: 'pat/a', maxReadings: 1e6, maxBytes: 1e9 });
    for (let from = 1; from <= 6_000; from += 500) {
      await queue.append(readings(from, from + 499, 1_000), { number: true });
    }
    // The log and a table hold some each.
    await cp(directory, join(folder, 'damaged'), { recursive: true });
    await queue.close();
    directory = join(folder, 'damaged');
  });

  test('in the middle: what is missing is counted, the rest is sent, and new numbers are above all', async () => {
    await garble(await fileNamed(/\.log$/), 200_000, 20);
    const survivor = await open();
    const left = await values(survivor);
    expect(left[0]).toBe(1);
    expect(left.at(-1)).toBe(6_000);
    expect(survivor.damage.missing).toBeGreaterThan(0);
    expect(survivor.damage).toEqual({ missing: 6_000 - left.length, isRepaired: false });
    expect(survivor.size().readings).toBe(left.length);
    await survivor.removeThrough(left[10] ?? 0);
    expect(await values(survivor)).toEqual(left.slice(11));
    const [next] = await survivor.append(readings(6_001, 6_001), { number: true });
    expect(next?.sequence).toBeGreaterThan(6_000);
  });

  test.each([
    { name: 'its first file', pattern: /^CURRENT$/, damage: 'gone', atLeast: 6_000 },
    { name: 'its first file', pattern: /^CURRENT$/, damage: 'empty', atLeast: 6_000 },
    { name: 'its manifest', pattern: /^MANIFEST/, damage: 'empty', atLeast: 6_000 },
    { name: 'a table', pattern: /\.ldb$/, damage: 'halved', atLeast: 1_000 },
    { name: 'a table', pattern: /\.ldb$/, damage: 'gone', atLeast: 1_000 },
  ])(
    '$name is $damage: it is repaired, told, and what is left is kept in order',
    async ({ pattern, damage, atLeast }) => {
      const path = await fileNamed(pattern);
      if (damage === 'gone') await unlink(path);
      else await truncate(path, damage === 'empty' ? 0 : Math.floor((await stat(path)).size / 2));
      const survivor = await open();
      expect(survivor.damage.isRepaired).toBe(true);
      const left = await values(survivor);
      expect(left.length).toBeGreaterThanOrEqual(atLeast);
      expect(left).toEqual(oneTo(6_000).slice(-left.length));
      const [next] = await survivor.append(readings(6_001, 6_001), { number: true });
      expect(next?.sequence).toBeGreaterThan(6_000);
      await survivor.close();
      expect((await open()).damage).toEqual({ missing: 0, isRepaired: false });
    },
  );
});
