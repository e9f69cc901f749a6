import { Refusal } from '@motience/protocol';
import type { Client } from '@motience/service-kit';
import { argon2id, hash, verify } from 'argon2';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const parameters = { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

export interface PasswordHasherOptions {
  /** How many hashes are computed at once. */
  atOnce: number;
  /** How many more may wait, of which a quarter for one address. */
  waiting: number;
  /** How long one may wait. Whoever would have to wait longer is told at once. */
  waitMs?: number;
}

/** What a caller may do while it holds one of the places. */
export interface HashingPlace {
  hash(password: string): Promise<string>;
  /** Takes as long without a hash (an unknown account) as with one, and is then false. */
  matches(hash: string | undefined, password: string): Promise<boolean>;
}

/** Hashes at once; for those who do so one at a time. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, parameters);
}

/**
 * Hashes passwords, a bounded number at once: a hash is made to be costly, so a flood of them must not be. Addresses
 * take turns, so that one that asks much does not hold up the others.
 */
export class PasswordHasher {
  private running = 0;
  private waiters = 0;
  /** Those who wait, by address; the address whose turn it is comes first. */
  private readonly lines = new Map<string, Set<() => void>>();
  private readonly waitMs: number;
  private readonly waitingPerAddress: number;

  private constructor(
    private readonly options: PasswordHasherOptions,
    private readonly decoy: string,
    /** How long a place is held, on a moving average. */
    private placeMs: number,
  ) {
    this.waitMs = options.waitMs ?? 8_000;
    this.waitingPerAddress = Math.ceil(options.waiting / 4);
  }

  static async create(options: PasswordHasherOptions): Promise<PasswordHasher> {
    const startedAt = performance.now();
    const decoy = await hashPassword('a password that no account has');
    return new PasswordHasher(options, decoy, performance.now() - startedAt);
  }

  /** How many wait for a place. */
  get waiting(): number {
    return this.waiters;
  }

  /**
   * Runs `work` once there is a place. Throws `rate-limited` if too many wait from this address, and `unavailable` if
   * too many wait at all, if there is no place in time, or if the client has gone.
   */
  async withPlace<T>(client: Client, work: (place: HashingPlace) => Promise<T>): Promise<T> {
    await this.takePlace(client);
    const startedAt = performance.now();
    try {
      return await work({
        hash: hashPassword,
        matches: async (stored, password) => (await verify(stored ?? this.decoy, password)) && stored !== undefined,
      });
    } finally {
      this.placeMs += (performance.now() - startedAt - this.placeMs) / 16;
      this.freePlace();
    }
  }

  private async takePlace({ address, signal }: Client): Promise<void> {
    if (signal.aborted) throw clientGone();
    if (this.running < this.options.atOnce) {
      this.running += 1;
      return;
    }
    const line = this.lines.get(address) ?? new Set();
    if (this.waiters < this.options.waiting && line.size >= this.waitingPerAddress) {
      const limit = `more than ${this.waitingPerAddress} passwords of one address wait to be checked`;
      throw new Refusal('rate-limited', limit, { retryAfterSeconds: 1 });
    }
    if (this.waiters >= this.options.waiting)
      throw busy(`more than ${this.options.waiting} passwords wait to be checked`);
    if (this.expectedWaitMs(address, line) > this.waitMs) throw this.tooLong();
    this.lines.set(address, line);
    await this.wait(address, line, signal);
  }

  private wait(address: string, line: Set<() => void>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', goAway);
        this.waiters -= 1;
        line.delete(begin);
        if (line.size === 0) this.lines.delete(address);
      };
      const goAway = () => {
        leave();
        reject(clientGone());
      };
      const timer = setTimeout(() => {
        leave();
        reject(this.tooLong());
      }, this.waitMs);
      const begin = () => {
        leave();
        resolve();
      };
      signal.addEventListener('abort', goAway);
      this.waiters += 1;
      line.add(begin);
    });
  }

  /** At most as many go first as wait, and one of each address for each of the own that is before it. */
  private expectedWaitMs(address: string, line: ReadonlySet<() => void>): number {
    const addresses = this.lines.size + (this.lines.has(address) ? 0 : 1);
    const turns = Math.min(this.waiters + 1, (line.size + 1) * addresses);
    return (turns * this.placeMs) / this.options.atOnce;
  }

  private freePlace(): void {
    const next = this.lines.entries().next().value;
    if (!next) {
      this.running -= 1;
      return;
    }
    // The place passes on: to whoever waits longest of the address whose turn it is, which then goes to the end.
    const [address, line] = next;
    const [begin] = line;
    this.lines.delete(address);
    if (line.size > 1) this.lines.set(address, line);
    begin?.();
  }

  private tooLong(): Refusal {
    return busy(`no password can be checked within ${this.waitMs / 1000} s`);
  }
}

function busy(why: string): Refusal {
  return new Refusal('unavailable', why, { retryAfterSeconds: 1 });
}

function clientGone(): Refusal {
  return new Refusal('unavailable', 'the client has gone');
}
