import { appendFile, cp, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DiskQueue } from './disk-queue.ts';

const maxReadings = 60;
const firstOwnSequence = 5_000_000_000;

const device = fc.constantFrom('a', 'b');
const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ append: fc.array(fc.record({ device, own: fc.boolean() }), { maxLength: 25 }) }),
  },
  { weight: 3, arbitrary: fc.record({ removeThrough: fc.nat(80) }) },
  { weight: 1, arbitrary: fc.record({ removeOldest: fc.nat(15) }) },
  { weight: 1, arbitrary: fc.record({ renumber: device, above: fc.integer({ min: 1, max: 1_000_000 }) }) },
  { weight: 1, arbitrary: fc.record({ confirm: device }) },
  { weight: 1, arbitrary: fc.constant('reopen' as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      tornAt: fc.double({ min: 0, max: 1, noNaN: true }),
      garbage: fc.nat(40),
      boot: fc.boolean(),
    }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

interface Waiting {
  id: number;
  deviceId: string;
  numbered: boolean;
  sequence: number;
  dataText: string;
}

/** The queue on its disk beside what ought to be in it. */
class Run {
  model: Waiting[] = [];
  queue: DiskQueue;
  readonly #folder: string;
  #directory: string;
  readonly #ever = new Map<number, Waiting>();
  readonly #numberings = new Map<string, { last: number; confirmed: boolean }>();
  #lastId = 0;
  #lives = 0;
  /** The log's name and length after the last write that was reported as on the disk. */
  #synced = { name: '', size: 0 };

  private constructor(folder: string, directory: string, queue: DiskQueue) {
    this.#folder = folder;
    this.#directory = directory;
    this.queue = queue;
  }

  static async begin(folder: string): Promise<Run> {
    const directory = join(folder, 'first');
    const run = new Run(folder, directory, await open(directory));
    await run.#noteSynced();
    return run;
  }

  async obey(next: Command): Promise<void> {
    if (next === 'reopen') {
      await this.queue.close();
      this.queue = await open(this.#directory);
    } else if ('append' in next) await this.#append(next.append);
    else if ('removeThrough' in next) {
      await this.queue.removeThrough(next.removeThrough);
      this.model = this.model.filter(({ id }) => id > next.removeThrough);
    } else if ('removeOldest' in next) {
      expect(await this.queue.removeOldest(next.removeOldest)).toBe(Math.min(next.removeOldest, this.model.length));
      this.model = this.model.slice(next.removeOldest);
    } else if ('renumber' in next) await this.#renumber(next.renumber, next.above);
    else if ('confirm' in next) {
      await this.queue.confirmNumbering(next.confirm);
      this.#numberings.set(next.confirm, { ...this.#numbering(next.confirm), confirmed: true });
    } else return this.#crash(next);
    const isSynced = next === 'reopen' || 'append' in next || 'renumber' in next || 'confirm' in next;
    if (isSynced) await this.#noteSynced();
  }

  async check(): Promise<void> {
    expect(await this.#read()).toEqual(this.model);
    expect(this.queue.size().readings).toBe(this.model.length);
    expect(this.queue.damage).toEqual({ missing: 0, isRepaired: false });
    for (const [deviceId, numbering] of this.#numberings) {
      expect(await this.queue.numbering(deviceId)).toEqual(numbering);
    }
  }

  #numbering(deviceId: string) {
    return this.#numberings.get(deviceId) ?? { last: 0, confirmed: false };
  }

  async #read(): Promise<Waiting[]> {
    const readings = await this.queue.read(0, 1_000, 1e9);
    return readings.map(({ id, deviceId, numbered, sequence = 0, dataText }) => ({
      id,
      deviceId,
      numbered,
      sequence,
      dataText,
    }));
  }

  async #append(wanted: { device: string; own: boolean }[]): Promise<void> {
    const room = maxReadings - this.model.length;
    const added = wanted.map(({ device: deviceId, own }, at) => ({
      deviceId,
      timestamp: '2026-01-01T00:00:00Z',
      dataText: `{"value":${this.#lastId + at + 1}}`,
      sequence: own ? firstOwnSequence + this.#lastId + at : undefined,
    }));
    const taken = await this.queue.append(added, { number: true });
    expect(taken).toHaveLength(Math.min(wanted.length, room));
    for (const { deviceId, dataText, sequence } of added.slice(0, room)) {
      const numbered = sequence === undefined;
      const { last, confirmed } = this.#numbering(deviceId);
      if (numbered) this.#numberings.set(deviceId, { last: last + 1, confirmed });
      this.#lastId += 1;
      const waiting = { id: this.#lastId, deviceId, numbered, sequence: sequence ?? last + 1, dataText };
      this.model.push(waiting);
      this.#ever.set(waiting.id, waiting);
    }
  }

  async #renumber(deviceId: string, above: number): Promise<void> {
    const isMoved = (waiting: Waiting) => waiting.numbered && waiting.deviceId === deviceId;
    const { last } = this.#numbering(deviceId);
    const shift = above + 1 - (this.model.find(isMoved)?.sequence ?? last + 1);
    await this.queue.renumber(deviceId, above);
    for (const waiting of this.#ever.values()) if (isMoved(waiting)) waiting.sequence += shift;
    this.#numberings.set(deviceId, { last: last + shift, confirmed: false });
  }

  /** The process is killed, or the power fails, and all after the last synced write may be torn off or garbled. */
  async #crash({ tornAt, garbage, boot }: Extract<Command, { tornAt: number }>): Promise<void> {
    const before = this.#directory;
    this.#lives += 1;
    this.#directory = join(this.#folder, `life-${this.#lives}`);
    await copyStill(before, this.#directory);
    await this.queue.close();
    const log = await newestLog(this.#directory);
    if (log.name === this.#synced.name) {
      const path = join(this.#directory, log.name);
      await truncate(path, Math.ceil(this.#synced.size + (log.size - this.#synced.size) * tornAt));
      await appendFile(path, Buffer.alloc(garbage, 0xa5));
    }
    if (boot) {
      const db = new ClassicLevel(this.#directory);
      await db.put('opened-in', 'another boot', { sync: true });
      await db.close();
    }
    this.queue = await open(this.#directory);
    await this.#noteSynced();
    if (boot) for (const numbering of this.#numberings.values()) numbering.last += 1_000_000;
    // What had been removed since the last sync may be back; nothing else may have changed.
    const survivors = await this.#read();
    const oldest = survivors[0]?.id ?? this.#lastId + 1;
    expect(oldest).toBeLessThanOrEqual(this.model[0]?.id ?? this.#lastId + 1);
    this.model = [...this.#ever.values()].filter(({ id }) => id >= oldest);
  }

  async #noteSynced(): Promise<void> {
    this.#synced = await newestLog(this.#directory);
  }
}

function open(directory: string): Promise<DiskQueue> {
  return DiskQueue.open({ directory, owner: 'pat/a', maxReadings, maxBytes: 1_000_000 });
}

/** Copies a folder as it is at one moment, in which LevelDB does not tidy up. */
async function copyStill(from: string, to: string): Promise<void> {
  for (;;) {
    const before = (await readdir(from)).join();
    await rm(to, { recursive: true, force: true });
    const isCopied = await cp(from, to, { recursive: true }).then(
      () => true,
      () => false,
    );
    if (isCopied && before === (await readdir(from)).join()) return;
  }
}

async function newestLog(directory: string): Promise<{ name: string; size: number }> {
  const name =
    (await readdir(directory))
      .filter((file) => file.endsWith('.log'))
      .sort()
      .at(-1) ?? '';
  return { name, size: (await stat(join(directory, name))).size };
}

test('whatever is added, removed, renumbered, closed, killed or torn by a power cut: what waits, its order and its numbers stay', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 14 }), async (commands) => {
      const folder = await mkdtemp(join(tmpdir(), 'motience-queue-'));
      const run = await Run.begin(folder);
      try {
        for (const next of commands) {
          await run.obey(next);
          await run.check();
        }
      } finally {
        await run.queue.close();
        await rm(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: 30 },
  );
});
