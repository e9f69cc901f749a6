import type { Database } from '@motience/database';
import { Refusal } from '@motience/protocol';
import { sql } from 'drizzle-orm';
import pLimit from 'p-limit';

export interface CatalogueQueriesOptions {
  /** Each takes a connection to PostgreSQL. */
  readonly atOnce: number;
  /** Most that may wait for their turn. */
  readonly waiting: number;
  /** How long one may take, in ms. */
  readonly timeoutMs: number;
}

type Transaction = Parameters<Parameters<Database['db']['transaction']>[0]>[0];

/** Code of PostgreSQL for a statement that was cancelled, as by its timeout. */
const cancelled = '57014';

/**
 * Runs what everybody may ask of the catalogue, so that it never takes more than its share of PostgreSQL: a few at a time, each for
 * a limited time. What is too much is refused as `unavailable`.
 */
export class CatalogueQueries {
  private readonly limit: ReturnType<typeof pLimit>;

  constructor(private readonly options: CatalogueQueriesOptions) {
    this.limit = pLimit(options.atOnce);
  }

  async run<Result>({ db }: Pick<Database, 'db'>, query: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const { waiting, timeoutMs } = this.options;
    if (this.limit.pendingCount >= waiting) {
      throw new Refusal('unavailable', 'too many are searching the catalogue; try again in a moment', {
        retryAfterSeconds: 1,
      });
    }
    try {
      return await this.limit(() =>
        db.transaction(
          async (tx) => {
            await tx.execute(sql`select set_config('statement_timeout', ${String(timeoutMs)}, true)`);
            return query(tx);
          },
          { accessMode: 'read only' },
        ),
      );
    } catch (error) {
      if (!wasCancelled(error)) throw error;
      const message = `the search took longer than ${timeoutMs} ms; ask for less, or try again later`;
      throw new Refusal('unavailable', message, { cause: error, retryAfterSeconds: 5 });
    }
  }
}

function wasCancelled(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === cancelled) || wasCancelled(error.cause);
}
