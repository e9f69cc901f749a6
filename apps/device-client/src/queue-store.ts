import { access, mkdir, open, readdir, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';

/** The queue cannot be used as it is; the message says why and what to do. */
export class QueueError extends Error {
  override readonly name: string = 'QueueError';
}

/** Nothing can be added at the moment, such as on a full disk; what is in the queue stays, and can be read. */
export class QueueUnwritable extends QueueError {
  override readonly name = 'QueueUnwritable';
}

export type Operation = { type: 'put'; key: string; value: string } | { type: 'del'; key: string };
interface Range {
  gt: string;
  lt: string;
  limit?: number;
}

/** The most that opening LevelDB anew writes: its buffer (4 MiB by default), with some to spare. */
const reopeningBytes = 6 * 1024 * 1024;
const causesWorthRepair = /corrupt|missing files|invalid argument|not an sstable|truncated/i;

/**
 * LevelDB under a queue. A write is on the disk when it resolves. After one that failed nothing is written until
 * LevelDB has been opened anew: its log may end in a torn record, and all behind that would be lost when it is next read.
 */
export class QueueStore {
  readonly #directory: string;
  /** Whether it was damaged and has been repaired, in which something may have been lost. */
  readonly isRepaired: boolean;
  #db: ClassicLevel;
  #torn: unknown;
  #reopened = false;

  private constructor(directory: string, db: ClassicLevel, isRepaired: boolean) {
    this.#directory = directory;
    this.#db = db;
    this.isRepaired = isRepaired;
  }

  /** Opens or makes it, and repairs it if it has to; `check` tells by failing whether it can be read. */
  static async open(directory: string, check: (store: QueueStore) => Promise<void>): Promise<QueueStore> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // Without this file LevelDB takes the folder for a new one, and deletes what is in it.
      const isBeheaded = (await hasTables(directory)) && !(await exists(join(directory, 'CURRENT')));
      if (!isBeheaded) {
        const store = await QueueStore.#openChecked(directory, check, false).catch((error: unknown) => {
          if (error instanceof QueueError || !causesWorthRepair.test(reasonOf(error))) throw error;
          return undefined;
        });
        if (store) return store;
      }
      await ClassicLevel.repair(directory);
      return await QueueStore.#openChecked(directory, check, true);
    } catch (error) {
      throw error instanceof QueueError ? error : new QueueError(whyNotOpen(error, directory), { cause: error });
    }
  }

  static async #openChecked(
    directory: string,
    check: (store: QueueStore) => Promise<void>,
    isRepaired: boolean,
  ): Promise<QueueStore> {
    const db = new ClassicLevel(directory);
    await db.open();
    const store = new QueueStore(directory, db, isRepaired);
    try {
      await check(store);
      return store;
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  get(key: string): Promise<string | undefined> {
    return this.#db.get(key);
  }

  /** Keys and values in order; opens LevelDB first if that failed when it last was to be opened anew. */
  async *entries(range: Range): AsyncGenerator<[string, string]> {
    if (this.#db.status !== 'open') await this.#reopen();
    yield* this.#db.iterator(range);
  }

  /** All or nothing. Throws `QueueUnwritable`; then it is not known before the next `mend` whether it was written. */
  async write(operations: Operation[]): Promise<void> {
    if (this.#torn) throw this.#unwritable(this.#torn);
    try {
      await this.#db.batch(operations, { sync: true });
    } catch (error) {
      this.#torn = error;
      throw this.#unwritable(error);
    }
  }

  /** Removes a range of keys, which a crash or a full disk may undo. */
  async forget(range: Range): Promise<void> {
    if (this.#torn) return;
    await this.#db.clear(range).catch((error: unknown) => {
      this.#torn = error;
    });
  }

  /** Gives the disk back what a removed range of keys took, which LevelDB does by itself only when it sees fit. */
  async compact({ gt, lt }: Range): Promise<void> {
    if (!this.#torn) await this.#db.compactRange(gt, lt);
  }

  /**
   * Makes it writable again if a write had failed, or throws `QueueUnwritable`. True if it was opened anew since it was
   * last asked: then a write that failed may have been made after all, and a removal may have been undone.
   */
  async mend(): Promise<boolean> {
    if (this.#torn) {
      // Closing is of use only if it can be opened then: until that can be expected it is left open for reading.
      await this.#probe();
      await this.#reopen();
    }
    const reopened = this.#reopened;
    this.#reopened = false;
    return reopened;
  }

  /** Bytes that are free on its disk; endless where the file system does not tell. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize, blocks } = await statfs(this.#directory);
    return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
  }

  unwritable(why: string): QueueUnwritable {
    return new QueueUnwritable(`the queue in ${this.#directory} cannot be written: ${why}`);
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  async #reopen(): Promise<void> {
    await this.#db.close();
    const db = new ClassicLevel(this.#directory);
    this.#db = db;
    try {
      await db.open();
    } catch (error) {
      throw this.#unwritable(error);
    }
    this.#torn = undefined;
    this.#reopened = true;
  }

  async #probe(): Promise<void> {
    const path = join(this.#directory, 'probe.tmp');
    try {
      const file = await open(path, 'w', 0o600);
      try {
        await file.writeFile(Buffer.alloc(reopeningBytes));
        await file.sync();
      } finally {
        await file.close();
        await unlink(path);
      }
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  #unwritable(error: unknown): QueueUnwritable {
    return this.unwritable(reasonOf(error));
  }
}

async function hasTables(directory: string): Promise<boolean> {
  return (await readdir(directory)).some((name) => /^(MANIFEST-\d+|\d+\.(ldb|log|sst))$/.test(name));
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function reasonOf(error: unknown): string {
  const reasons: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) reasons.push(at.message);
  return reasons.length > 0 ? reasons.join(': ') : String(error);
}

function whyNotOpen(error: unknown, directory: string): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === 'LEVEL_LOCKED') {
      return `the queue in ${directory} is in use by another process: one motience-device per queue`;
    }
  }
  return `the queue in ${directory} cannot be opened: ${reasonOf(error)}`;
}
