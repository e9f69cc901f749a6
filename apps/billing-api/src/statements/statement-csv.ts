import type { Statement, StatementLine } from '@motience/protocol';
import { stringify } from 'csv-stringify/sync';

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

/**
 * A statement as CSV (RFC 4180), a line each, between the opening and the closing balance of each currency. A text that a
 * spreadsheet would take for a formula begins with an apostrophe; amounts are never negative, but debits or credits.
 */
export function statementCsv({ balances, lines }: Statement): string {
  const rows: Row[] = [
    ...balances.map(({ currency, opening }) => ({ kind: 'opening balance', currency, ...sidesOf(opening) })),
    ...lines.map(rowOf),
    ...balances.map(({ currency, closing }) => ({ kind: 'closing balance', currency, ...sidesOf(closing) })),
  ];
  return stringify(rows, {
    columns: [...columns],
    header: true,
    escape_formulas: true,
    bom: true,
    record_delimiter: 'windows',
  });
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
