import { Button, formErrors, Notice } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';
import { LimitForm } from './limit-form.tsx';
import type { Spending } from './spending.ts';
import { limitInWords, type SpendingLimit, wantedOf } from './spending-limits.ts';

interface LimitListProps {
  spending: Spending;
  subscriptions: Subscriptions;
}

/** What may be spent at most, what was spent of it, and the form to set it. */
export function LimitList({ spending, subscriptions }: LimitListProps) {
  const problem = useSignal<string | undefined>(undefined);
  const section = useRef<HTMLElement>(null);
  const limits = spending.state.value?.limits;
  if (limits === undefined) return null;

  const nameOf = ({ subscription_id: id }: SpendingLimit) => {
    if (id === null) return 'all streams';
    const subscription = subscriptions.list.value?.find((one) => one.id === id);
    return subscription ? subscriptions.nameOf(subscription.producer_id) : `subscription ${id}, which has ended`;
  };
  const lift = async (limit: SpendingLimit) => {
    problem.value = undefined;
    try {
      await spending.liftLimit(wantedOf(limit));
      // The button that was pressed is gone.
      section.current?.querySelector('summary')?.focus();
    } catch (error) {
      problem.value = formErrors(error, []).form;
    }
  };

  return (
    <section ref={section} class="limits" aria-labelledby="limits-title">
      <h3 id="limits-title">Spending limits</h3>
      <div role="status">
        {limits.length === 0 ? <p class="hint">None: what is in the wallet may be spent.</p> : null}
        <ul data-testid="limits">
          {limits.map((limit) => (
            <li key={`${limit.currency} ${limit.period} ${limit.subscription_id ?? ''}`}>
              <span>
                {`${limitInWords(limit)}, ${nameOf(limit)}`}
                <span class="hint">{` ${limit.spent} spent`}</span>
              </span>
              <Button
                small
                tone="quiet"
                label={`Lift the limit of ${limitInWords(limit)}, ${nameOf(limit)}`}
                onClick={() => void lift(limit)}
              >
                Lift
              </Button>
            </li>
          ))}
        </ul>
      </div>
      {problem.value === undefined ? null : <Notice tone="bad">{problem.value}</Notice>}
      <details>
        <summary>Set a limit</summary>
        <LimitForm spending={spending} subscriptions={subscriptions} />
      </details>
    </section>
  );
}
