import type { Statement } from '@motience/protocol';
import { FewAtOnceForEach } from '@motience/service-kit';
import type { DetailedStatement } from './read-details.ts';
import { statementCsv } from './statement-csv.ts';
import { readStatementFonts, type StatementFonts, statementPdf } from './statement-pdf.ts';

/** Whose turn it is, and whether they still wait. */
interface Asking {
  readonly accountId: string;
  readonly signal: AbortSignal;
}

interface Written<Of, Body> {
  readonly statement: Of;
  readonly body: Body;
}

/** Each may take a second or more, and all wait for less than a request may take. */
const waiting = 5;
const waitingOfOne = 1;

/**
 * Writes statements as documents in one piece, which takes time and memory: one after the other. What is too much is refused as
 * `unavailable`, and what nobody waits for any more is given up.
 */
export class StatementDocuments {
  private readonly turns = new FewAtOnceForEach({
    all: { atOnce: 1, waiting, busy: 'too many statements are being written' },
    each: { atOnce: 1, waiting: waitingOfOne, busy: 'other statements are being written for this account' },
  });

  private constructor(private readonly fonts: StatementFonts) {}

  static async open(): Promise<StatementDocuments> {
    return new StatementDocuments(await readStatementFonts());
  }

  csv(asking: Asking, read: () => Promise<DetailedStatement>): Promise<Written<DetailedStatement, string>> {
    return this.write(asking, read, (statement) => statementCsv(statement, asking.signal));
  }

  pdf(asking: Asking, read: () => Promise<Statement>): Promise<Written<Statement, Uint8Array<ArrayBuffer>>> {
    return this.write(asking, read, (statement) => statementPdf(statement, this.fonts, asking.signal));
  }

  /** It is read when its turn has come, so that none waits in memory. */
  private write<Of, Body>(
    { accountId, signal }: Asking,
    read: () => Promise<Of>,
    write: (statement: Of) => Promise<Body>,
  ): Promise<Written<Of, Body>> {
    const work = async () => {
      const statement = await read();
      return { statement, body: await write(statement) };
    };
    return this.turns.run(accountId, work, signal);
  }
}
