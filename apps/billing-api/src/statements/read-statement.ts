import type { Database, Queryable } from '@motience/database';
import type { Month } from '@motience/ledger/pricing';
import { Refusal, type Statement, type StatementLine } from '@motience/protocol';
import { readBalances } from './read-balances.ts';
import { type DetailedStatement, readEpochsByDay } from './read-details.ts';
import { readFinalName } from './read-months.ts';
import { readMovements } from './read-movements.ts';
import { type Details, readUseLines } from './read-use-lines.ts';
import { readStatementAccount, type StatementAccount } from './statement-account.ts';

export interface StatementQuery {
  readonly accountId: bigint;
  readonly month: Month;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** The statement of an account for a month, with a page of its lines, all as of one instant. */
export function readStatement({ db }: Database, query: StatementQuery): Promise<Statement> {
  const { accountId, month, limit } = query;
  const place = placeOf(query.cursor);
  return asOfNow(db, async (tx) => {
    const account = await readStatementAccount(tx, accountId);
    const lines = await readLines(tx, account, month, place, { limit: limit + 1, details: 'epochs' });
    const shown = lines.slice(0, limit);
    const last = shown.at(-1);
    const more = lines.length > limit && last ? cursorOf(last) : null;
    return { ...(await readHead(tx, account, month)), lines: shown, next_cursor: more };
  });
}

interface WholeQuery extends Pick<StatementQuery, 'accountId' | 'month'> {
  /** Most lines it may have. */
  readonly most: number;
}

/** All of a statement at once, without days and epochs. Refuses with `too-large` if it has too many lines. */
export function readWholeStatement({ db }: Database, { accountId, month, most }: WholeQuery): Promise<Statement> {
  return asOfNow(db, async (tx) =>
    readWhole(tx, await readStatementAccount(tx, accountId), month, { most, details: 'none' }),
  );
}

/** The same with all days, and all epochs of each; of these together there may be `mostDetails`. */
export function readDetailedStatement(
  { db }: Database,
  { accountId, month, most, mostDetails }: WholeQuery & { readonly mostDetails: number },
): Promise<DetailedStatement> {
  return asOfNow(db, async (tx) => {
    const account = await readStatementAccount(tx, accountId);
    const epochsByDay = await readEpochsByDay(tx, account, month, mostDetails);
    return { ...(await readWhole(tx, account, month, { most, details: 'days' })), epochsByDay };
  });
}

async function readWhole(
  tx: Queryable,
  account: StatementAccount,
  month: Month,
  { most, details }: { most: number; details: Details },
): Promise<Statement> {
  const lines = await readLines(tx, account, month, firstPlace, { limit: most + 1, details });
  if (lines.length > most) {
    throw new Refusal('too-large', `the statement has more than ${most} lines; as JSON it can be read in pages`);
  }
  return { ...(await readHead(tx, account, month)), lines, next_cursor: null };
}

type Transaction = Parameters<Parameters<Database['db']['transaction']>[0]>[0];

function asOfNow<Result>(db: Database['db'], work: (tx: Transaction) => Promise<Result>): Promise<Result> {
  return db.transaction(work, { isolationLevel: 'repeatable read', accessMode: 'read only' });
}

async function readHead(tx: Queryable, account: StatementAccount, month: Month) {
  const finalName = await readFinalName(tx, account, month);
  return {
    account_id: String(account.id),
    account_name: finalName ?? account.name,
    role: account.role,
    month,
    final: finalName !== undefined,
    balances: await readBalances(tx, account, month),
  };
}

/** Which lines were shown: those of use up to a subscription, and, after them, those of money up to a transaction. */
interface Place {
  readonly part: 'use' | 'money';
  readonly after: bigint;
}

const firstPlace: Place = { part: 'use', after: 0n };

function placeOf(cursor: string | undefined): Place {
  if (cursor === undefined) return firstPlace;
  const [, part, after] = /^(use|money)-(\d{1,18})$/.exec(cursor) ?? [];
  if (part === undefined || after === undefined) {
    const message = 'expected a next_cursor that a former page returned';
    throw new Refusal('invalid-request', `cursor: ${message}`, { details: [{ path: 'cursor', message }] });
  }
  return { part: part === 'use' ? 'use' : 'money', after: BigInt(after) };
}

function cursorOf(line: StatementLine): string {
  return line.kind === 'use' ? `use-${line.subscription_id}` : `money-${line.id}`;
}

async function readLines(
  tx: Queryable,
  account: StatementAccount,
  month: Month,
  { part, after }: Place,
  { limit, details }: { limit: number; details: Details },
): Promise<StatementLine[]> {
  const use = part === 'use' ? await readUseLines(tx, account, month, { after, limit, details }) : [];
  if (use.length >= limit) return use;
  const from = part === 'money' ? after : 0n;
  return [...use, ...(await readMovements(tx, account, month, { after: from, limit: limit - use.length }))];
}
