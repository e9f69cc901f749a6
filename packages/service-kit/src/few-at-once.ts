import { Refusal } from '@motience/protocol';
import pLimit from 'p-limit';

interface FewAtOnceOptions {
  readonly atOnce: number;
  /** Most that may wait for their turn. */
  readonly waiting: number;
  /** Said where there are more: `too many are searching`. */
  readonly busy: string;
}

/** Does a few things at a time, in the order they are asked for; what is too much is refused as `unavailable`. */
export class FewAtOnce {
  private readonly limit: ReturnType<typeof pLimit>;
  private count = 0;

  constructor(private readonly options: FewAtOnceOptions) {
    this.limit = pLimit(options.atOnce);
  }

  /** How many are under way or wait. */
  get size(): number {
    return this.count;
  }

  /** What nobody waits for any more when its turn comes, by `signal`, is not begun. */
  async run<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const { atOnce, waiting, busy } = this.options;
    if (this.count >= atOnce + waiting) throw refused(`${busy}; try again in a moment`);
    this.count += 1;
    try {
      return await this.limit(() => {
        if (signal) requireWaiter(signal);
        return work();
      });
    } finally {
      this.count -= 1;
    }
  }
}

/** The same for many who ask, of each of whom only a few are done at a time: whoever asks for much leaves room for others. */
export class FewAtOnceForEach {
  private readonly all: FewAtOnce;
  private readonly lines = new Map<string, FewAtOnce>();

  constructor(private readonly options: { readonly all: FewAtOnceOptions; readonly each: FewAtOnceOptions }) {
    this.all = new FewAtOnce(options.all);
  }

  async run<Result>(whose: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const line = this.lines.get(whose) ?? new FewAtOnce(this.options.each);
    this.lines.set(whose, line);
    try {
      return await line.run(() => this.all.run(work, signal), signal);
    } finally {
      if (line.size === 0) this.lines.delete(whose);
    }
  }
}

/** Refuses to go on with what nobody waits for any more, by the signal of a client. */
export function requireWaiter(signal: AbortSignal): void {
  if (signal.aborted) throw refused('nobody waits for the answer any more');
}

function refused(why: string): Refusal {
  return new Refusal('unavailable', why, { retryAfterSeconds: 1 });
}
