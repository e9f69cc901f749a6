import { formatAmount, type PlanTerms } from '@motience/ledger/pricing';
import type { Wallet } from '@motience/protocol';
import { amountOf, Card, formatTime, Notice, termsOf } from '@motience/testers-kit';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';
import { creditInWords } from './describe-stop.ts';
import { LimitList } from './limit-list.tsx';
import type { Spending } from './spending.ts';
import { TopUpForm } from './top-up-form.tsx';

interface WalletCardProps {
  spending: Spending;
  subscriptions: Subscriptions;
  accountId: string;
}

/** What there is to spend, what this session has cost, and who can top it up. */
export function WalletCard({ spending, subscriptions, accountId }: WalletCardProps) {
  const state = spending.state.value;
  const problem = spending.problem.value;
  const paidIn = (subscriptions.list.value ?? []).flatMap(({ plan }) => {
    const terms = plan === null ? undefined : termsOf(plan);
    return isPaid(terms) ? [terms.currency] : [];
  });
  const wallets = state === undefined ? [] : withEmptyOnes(state.wallets, paidIn);

  return (
    <Card title="Wallet">
      <div class="stack" data-testid="wallet">
        {problem === undefined ? null : (
          <Notice tone="warn">
            {state === undefined
              ? 'The billing service does not answer, so what you have is not known. Receiving goes on.'
              : `The billing service does not answer; this is from ${formatTime(state.at).slice(0, 8)}. Receiving goes on.`}
          </Notice>
        )}
        {state !== undefined && wallets.length === 0 ? <p>Empty. Nothing you receive costs anything.</p> : null}
        {wallets.map(({ currency, balance, held, owed }) => (
          <div key={currency} class="wallet">
            <p class="large-number">
              <span data-testid={`balance-${currency}`}>{formatAmount(amountOf(balance) + amountOf(held))}</span>{' '}
              <span class="unit">{currency}</span>
            </p>
            <ul class="hint">
              {amountOf(held) === 0n ? null : <li>{`${held} ${currency} of it set aside for open streams`}</li>}
              {amountOf(owed) === 0n ? null : (
                <li class="bad">{`${owed} ${currency} owed; the next top-up pays it first`}</li>
              )}
              <li>
                <span data-testid={`charged-${currency}`}>{formatAmount(spending.cost(currency))}</span>
                {` ${currency} charged since ${formatTime(state?.since ?? 0).slice(0, 5)}, all your sockets together`}
              </li>
            </ul>
          </div>
        ))}
        <LimitList spending={spending} subscriptions={subscriptions} />
        {state?.provider === 'stripe' ? <TopUpForm spending={spending} /> : null}
        {state?.provider === 'admin' ? (
          <p class="hint">
            {creditInWords('admin')} Yours is that of account {accountId}.
          </p>
        ) : null}
      </div>
    </Card>
  );
}

function isPaid(terms: PlanTerms | undefined): terms is Exclude<PlanTerms, { kind: 'free' }> {
  return terms !== undefined && terms.kind !== 'free';
}

/** A wallet that never had money in it is not told of. */
function withEmptyOnes(wallets: readonly Wallet[], currencies: readonly string[]): Omit<Wallet, 'account_id'>[] {
  const missing = [...new Set(currencies)].filter((code) => wallets.every(({ currency }) => currency !== code));
  return [...wallets, ...missing.map((currency) => ({ currency, balance: '0.00', held: '0.00', owed: '0.00' }))];
}
