import { type Database, openDatabase } from '@motience/database';
import { FewAtOnceForEach, type RateLimiter } from '@motience/service-kit';

interface MoneyReadsOptions {
  readonly databaseUrl: string;
  /** Each takes a connection to PostgreSQL. */
  readonly queriesAtOnce: number;
  /** Most that may wait for their turn. */
  readonly queriesWaiting: number;
  /** How long a query may take, in ms. */
  readonly queryMs: number;
}

/** Of one account, whoever it asks for. */
const ofOneAtOnce = 2;
const ofOneWaiting = 20;

/**
 * Reads what accounts ask of their money, on connections of its own: a few at a time, each query for a limited time, and of
 * one account two at a time, so that none keeps others from it, nor what settles.
 */
export class MoneyReads {
  private readonly database: Database;
  private readonly queries: FewAtOnceForEach;

  constructor(
    private readonly requests: RateLimiter,
    { databaseUrl, queriesAtOnce, queriesWaiting, queryMs }: MoneyReadsOptions,
  ) {
    this.database = openDatabase(databaseUrl, { maxConnections: queriesAtOnce, readsWithinMs: queryMs });
    this.queries = new FewAtOnceForEach({
      all: { atOnce: queriesAtOnce, waiting: queriesWaiting, busy: 'too many are looking at money' },
      each: { atOnce: ofOneAtOnce, waiting: ofOneWaiting, busy: 'this account waits for too many answers' },
    });
  }

  /** Refuses with `rate-limited` at the limit of the account that asks, and with `unavailable` what is too much at once. */
  async run<Result>({ sub }: { sub: string }, read: (database: Database) => Promise<Result>): Promise<Result> {
    await this.requests.consume(sub);
    return this.queries.run(sub, () => read(this.database));
  }

  close(): Promise<void> {
    return this.database.close();
  }
}
