import type { StatementLine } from '@motience/protocol';

/** What a line of a statement is about, and how much of it, to the last one. */
export function lineInWords(line: StatementLine): { about: string; of: string } {
  if (line.kind !== 'use') return { about: movements[line.kind], of: line.silence ? silenceInWords(line.silence) : '' };
  const { account_name, plan, use } = line;
  const used = [
    counted(use.readings, 'reading'),
    counted(use.bytes, 'byte'),
    ...(plan?.terms.kind === 'per-time' ? [counted(use.seconds, 'second')] : []),
  ];
  return { about: `${account_name}, ${plan?.in_words ?? 'free'}`, of: used.join(', ') };
}

const movements = {
  'top-up': 'Topped up',
  credit: 'Credited for silence',
  refund: 'Refunded',
  dispute: 'Disputed',
  payout: 'Paid out',
  reversal: 'Put right',
} as const;

function silenceInWords({ day, seconds }: { day: string; seconds: string }): string {
  return `${day}, ${counted(seconds, 'second')} beyond the promise`;
}

function counted(number: string, one: string): string {
  return `${BigInt(number).toLocaleString('en')} ${number === '1' ? one : `${one}s`}`;
}
