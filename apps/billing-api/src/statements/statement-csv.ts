import { setImmediate } from 'node:timers/promises';
import type { StatementLine, UseLine } from '@motience/protocol';
import { requireWaiter } from '@motience/service-kit';
import { stringify } from 'csv-stringify/sync';
import { groupBy } from './group-by.ts';
import type { DetailedStatement, EpochOfDay } from './read-details.ts';

const columns = [
  'kind',
  'currency',
  'debit',
  'credit',
  'subscription_id',
  'account_id',
  'account_name',
  'plan',
  'terms',
  'unit_price',
  'day',
  'epoch',
  'first_seq',
  'last_seq',
  'intervals',
  'readings',
  'bytes',
  'seconds',
  'trial_readings',
  'trial_bytes',
  'trial_seconds',
  'charge',
  'fee',
  'at',
  'transaction_id',
  'note',
] as const;
type Row = Partial<Record<(typeof columns)[number], string>>;

/** After so many, others get their turn. */
const rowsAtOnce = 1_000;

/**
 * A statement as CSV (RFC 4180), a line each, and below a line of use one for each of its days and for each epoch of the day, by
 * which it can be computed again; they neither debit nor credit. All of it between the opening and the closing balance of each currency. A text that a
 * spreadsheet would take for a formula begins with an apostrophe; amounts are never negative, but debits or credits.
 * Refuses to go on when nobody waits for it any more.
 */
export async function statementCsv(
  { balances, lines, epochsByDay }: DetailedStatement,
  signal: AbortSignal,
): Promise<string> {
  const rows: Row[] = [
    ...balances.map(({ currency, opening }) => ({ kind: 'opening balance', currency, ...sidesOf(opening) })),
    ...lines.flatMap((line) =>
      line.kind === 'use'
        ? [rowOf(line), ...detailsOf(line, epochsByDay.get(line.subscription_id) ?? [])]
        : [rowOf(line)],
    ),
    ...balances.map(({ currency, closing }) => ({ kind: 'closing balance', currency, ...sidesOf(closing) })),
  ];
  const parts: string[] = [];
  for (let at = 0; at === 0 || at < rows.length; at += rowsAtOnce) {
    const isFirst = at === 0;
    parts.push(
      stringify(rows.slice(at, at + rowsAtOnce), {
        columns: [...columns],
        header: isFirst,
        bom: isFirst,
        escape_formulas: true,
        record_delimiter: 'windows',
      }),
    );
    await setImmediate();
    requireWaiter(signal);
  }
  return parts.join('');
}

/** Each day, and below it its epochs. */
function detailsOf({ subscription_id, days, unit_price }: UseLine, epochs: readonly EpochOfDay[]): Row[] {
  const byDay = groupBy(epochs, ({ day }) => day);
  return days.flatMap(({ day, use, trial, charge, fee }): Row[] => [
    {
      kind: 'use by day',
      ...{ subscription_id, unit_price, day, ...use, charge },
      trial_readings: trial.readings,
      trial_bytes: trial.bytes,
      trial_seconds: trial.seconds,
      ...(fee === null ? {} : { fee }),
    },
    ...(byDay.get(day) ?? []).map(({ epoch, intervals, from, to, readings, bytes }) => ({
      kind: 'use by epoch',
      ...{ subscription_id, day, epoch, first_seq: from, last_seq: to, intervals, readings, bytes },
    })),
  ]);
}

function rowOf(line: StatementLine): Row {
  const { kind, amount } = line;
  if (line.kind !== 'use') {
    const { currency, subscription_id, at, id, silence } = line;
    return {
      kind,
      currency,
      ...sidesOf(amount),
      at,
      transaction_id: id,
      ...(subscription_id === null ? {} : { subscription_id }),
      ...(silence === null ? {} : { note: noteOf(silence) }),
    };
  }
  const { currency, subscription_id, account_id, account_name, plan, unit_price, use, trial, charge, fee } = line;
  return {
    kind,
    ...(currency === null ? {} : { currency }),
    ...sidesOf(amount),
    subscription_id,
    account_id,
    account_name,
    plan: plan?.name ?? '',
    terms: plan?.in_words ?? 'free',
    unit_price,
    ...use,
    trial_readings: trial.readings,
    trial_bytes: trial.bytes,
    trial_seconds: trial.seconds,
    charge,
    ...(fee === null ? {} : { fee }),
  };
}

/** Why money was given back. */
export function noteOf({ day, seconds }: { day: string; seconds: string }): string {
  return `${day}: silent for ${seconds} s beyond the promise`;
}

function sidesOf(amount: string): Pick<Row, 'debit' | 'credit'> {
  return amount.startsWith('-') ? { debit: amount.slice(1) } : { credit: amount };
}
