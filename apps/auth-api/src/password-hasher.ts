import { Refusal } from '@motience/protocol';
import { argon2id, hash, verify } from 'argon2';

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const parameters = { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

export interface PasswordHasherOptions {
  /** How many hashes are computed at once. */
  atOnce: number;
  /** How many more may wait; beyond that a request is told `unavailable`. */
  waiting: number;
}

/** What a caller may do while it holds one of the places. */
export interface HashingPlace {
  hash(password: string): Promise<string>;
  /** Takes as long without a hash (an unknown account) as with one, and is then false. */
  matches(hash: string | undefined, password: string): Promise<boolean>;
}

/** Hashes passwords, a bounded number at once: a hash is made to be costly, so a flood of them must not be. */
export class PasswordHasher {
  private running = 0;
  private readonly queue: (() => void)[] = [];

  private constructor(
    private readonly options: PasswordHasherOptions,
    private readonly decoy: string,
  ) {}

  static async create(options: PasswordHasherOptions): Promise<PasswordHasher> {
    return new PasswordHasher(options, await hash('a password that no account has', parameters));
  }

  /** Runs `work` once there is a place. Throws `unavailable` if too many wait already. */
  async withPlace<T>(work: (place: HashingPlace) => Promise<T>): Promise<T> {
    await this.takePlace();
    try {
      return await work({
        hash: (password) => hash(password, parameters),
        matches: async (stored, password) => (await verify(stored ?? this.decoy, password)) && stored !== undefined,
      });
    } finally {
      this.freePlace();
    }
  }

  private async takePlace(): Promise<void> {
    if (this.running < this.options.atOnce) {
      this.running += 1;
      return;
    }
    if (this.queue.length >= this.options.waiting) {
      throw new Refusal('unavailable', `more than ${this.options.waiting} passwords wait to be checked`, {
        retryAfterSeconds: 1,
      });
    }
    await new Promise<void>((resolve) => this.queue.push(resolve));
  }

  private freePlace(): void {
    const next = this.queue.shift();
    // The place passes to whoever waited longest; only without anyone is it free.
    if (next) next();
    else this.running -= 1;
  }
}
