import { formatAmount } from '@motience/ledger/pricing';
import type { NamedSubscription } from '@motience/protocol';
import { conditionsInWords, formatCount, formatTime, Notice, priceInWords, termsOf } from '@motience/testers-kit';
import type { Receiving } from '../receiving/receiving.ts';
import { remedyInWords, stopInWords } from './describe-stop.ts';
import type { Spending } from './spending.ts';

interface SubscriptionMoneyProps {
  subscription: NamedSubscription;
  receiving: Receiving;
  spending: Spending;
}

/** What a subscription costs and has cost in this session, how little is left, and why it stands still. */
export function SubscriptionMoney({ subscription, receiving, spending }: SubscriptionMoneyProps) {
  const { id, plan, producer_id } = subscription;
  const terms = plan === null ? undefined : termsOf(plan);
  const state = spending.state.value;
  const stop = receiving.stops.value.get(producer_id);
  const percentLeft = receiving.percentsLeft.value.get(producer_id);
  const trial = plan === null ? undefined : conditionsInWords(plan).find((words) => words.endsWith(' free'));

  return (
    <>
      <p class="stream-price">
        {plan === null ? 'Free' : priceInWords(plan)}
        {trial === undefined ? '' : `, ${trial}`}
      </p>
      {terms === undefined || terms.kind === 'free' || state === undefined ? null : (
        <p class="hint">
          <span data-testid={`cost-${producer_id}`}>
            {formatAmount(spending.costOf(terms.currency, id))} {terms.currency}
          </span>
          {` since ${formatTime(state.since).slice(0, 5)}`}
        </p>
      )}
      {stop === undefined && percentLeft !== undefined ? (
        <Notice tone={percentLeft <= 5 ? 'bad' : 'warn'}>
          {percentLeft} % is left of what you may spend on this stream.
        </Notice>
      ) : null}
      {stop === undefined ? null : (
        <Notice tone="bad">
          <strong>
            Stopped{stop.afterSeq === undefined ? '' : ` after reading ${formatCount(stop.afterSeq)}`}:{' '}
            {stopInWords(stop.reason)}.
          </strong>{' '}
          {remedyInWords(stop.reason, state?.provider)}
        </Notice>
      )}
    </>
  );
}
