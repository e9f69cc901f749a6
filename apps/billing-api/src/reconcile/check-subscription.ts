import { formatAmount, micros, monthlyCharge, platformFee, type Use } from '@motience/ledger/pricing';
import type { MonthRecord, SubscriptionRecord } from './subscription-record.ts';

/**
 * Checks that delivered = metered = debited = invoiced = earned + fee, in integers, and that each charge is what the plan
 * says of the use. The first thing that is not so, in words; undefined if all is as it has to be.
 */
export function checkSubscription(record: SubscriptionRecord): string | undefined {
  const { subscriptionId, differentDay } = record;
  const inWords = (where: string, what: string) => `subscription ${subscriptionId}, ${where}: ${what}`;
  if (differentDay) {
    const { day, delivered, metered } = differentDay;
    const what = differenceOf('delivered', delivered, 'metered', metered);
    return inWords(day, what ?? 'delivered and metered differ');
  }
  for (const month of record.months) {
    const what = checkMonth(record, month);
    if (what !== undefined) return inWords(month.month, what);
  }
  const what = checkTotals(record);
  return what === undefined ? undefined : inWords('all months together', what);
}

function checkMonth(record: SubscriptionRecord, month: MonthRecord): string | undefined {
  return (
    differenceOf('delivered', month.delivered, 'metered', month.metered) ??
    checkCharge(record, month) ??
    checkInvoice(record, month) ??
    difference('credited for silence', amount(record, month.credited), 'posted', amount(record, month.creditPosted))
  );
}

function checkCharge(record: SubscriptionRecord, month: MonthRecord): string | undefined {
  const { plan, feePpm } = record;
  const billable = subtract(month.metered, month.free);
  if (units.some((unit) => billable[unit] < 0n || month.free[unit] < 0n)) return 'more was free than was metered';
  const due = plan ? monthlyCharge(plan, month.month, billable) : 0n;
  return (
    difference('charged', amount(record, month.charged), 'due by plan and use', amount(record, due)) ??
    difference(
      'of it the platform’s fee',
      amount(record, month.fee),
      'due',
      amount(record, platformFee(micros(month.charged), feePpm)),
    )
  );
}

function checkInvoice(record: SubscriptionRecord, month: MonthRecord): string | undefined {
  const { invoiced } = month;
  const isClosed = record.closedThrough !== undefined && month.month <= record.closedThrough;
  if (!invoiced) {
    const nothing = units.every((unit) => month.metered[unit] === 0n) && month.charged === 0n;
    return isClosed && !nothing ? 'the month is closed, but its statement has no line' : undefined;
  }
  if (!isClosed) return 'there is a line of a statement, but the month is not closed';
  return (
    differenceOf('metered', month.metered, 'on the statement', invoiced.use) ??
    differenceOf('metered free of charge', month.free, 'on the statement', invoiced.free) ??
    difference('charged', amount(record, month.charged), 'invoiced', amount(record, invoiced.charged)) ??
    difference('fee', amount(record, month.fee), 'on the statement', amount(record, invoiced.fee))
  );
}

function checkTotals(record: SubscriptionRecord): string | undefined {
  const { months, debited, earned, feePosted, creditReceived } = record;
  const credited = months.reduce((sum, month) => sum + month.credited, 0n);
  const charged = months.reduce((sum, month) => sum + month.charged, 0n);
  const fee = months.reduce((sum, month) => sum + month.fee, 0n);
  const shown = (value: bigint) => amount(record, value);
  return (
    difference('metered', shown(charged), 'debited', shown(debited)) ??
    difference('fee', shown(fee), 'posted', shown(feePosted)) ??
    difference('to be earned', shown(charged - fee), 'earned', shown(earned)) ??
    difference('credited for silence', shown(credited), 'received by the consumer', shown(creditReceived))
  );
}

const units = ['readings', 'bytes', 'seconds'] as const;

function differenceOf(one: string, first: Use, other: string, second: Use): string | undefined {
  for (const unit of units) {
    const said = difference(`${unit} ${one}`, String(first[unit]), other, String(second[unit]));
    if (said !== undefined) return said;
  }
  return undefined;
}

function difference(one: string, first: string, other: string, second: string): string | undefined {
  return first === second ? undefined : `${one}: ${first}; ${other}: ${second}`;
}

function subtract(one: Use, other: Use): Use {
  return {
    readings: one.readings - other.readings,
    bytes: one.bytes - other.bytes,
    seconds: one.seconds - other.seconds,
  };
}

function amount({ plan }: SubscriptionRecord, value: bigint): string {
  return plan && 'currency' in plan ? `${formatAmount(value)} ${plan.currency}` : formatAmount(value);
}
