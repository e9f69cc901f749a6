import { formatAmount } from '@motience/ledger/pricing';
import type { Earnings } from '@motience/protocol';
import { amountOf, Notice } from '@motience/testers-kit';
import type { Selling } from './selling.ts';

/** What was earned in the last year, in each currency. */
export function EarningsView({ selling }: { selling: Selling }) {
  const items = selling.earnings.value;
  const problem = selling.earningsProblem.value;
  const totals = totalsOf(items ?? []);

  return (
    <section aria-labelledby="earnings-title" data-testid="earnings">
      <h3 id="earnings-title">Earned so far</h3>
      {problem === undefined ? null : (
        <Notice tone="warn">The billing service does not answer. Selling goes on.</Notice>
      )}
      {items !== undefined && totals.length === 0 ? <p class="hint">Nothing yet.</p> : null}
      {totals.map(({ currency, charged, fee, credited }) => (
        <div key={currency}>
          <p class="earned large-number">
            <span data-testid={`earned-${currency}`}>{formatAmount(charged - fee)}</span>{' '}
            <span class="unit">{currency}</span>
          </p>
          <p class="hint">
            {`${formatAmount(charged)} charged in the last year, ${formatAmount(fee)} of it for the platform`}
            {credited === 0n ? '' : `; ${formatAmount(credited)} credited for silences`}
          </p>
        </div>
      ))}
    </section>
  );
}

interface Total {
  currency: string;
  charged: bigint;
  fee: bigint;
  credited: bigint;
}

function totalsOf(items: Earnings['items']): Total[] {
  const totals = new Map<string, Total>();
  for (const { currency, charge, fee, credited } of items) {
    if (currency === null) continue;
    const total = totals.get(currency) ?? { currency, charged: 0n, fee: 0n, credited: 0n };
    total.charged += amountOf(charge);
    total.fee += amountOf(fee);
    total.credited += amountOf(credited);
    totals.set(currency, total);
  }
  return [...totals.values()];
}
