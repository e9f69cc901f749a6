import type { Plan } from '@motience/protocol';
import { Button, plural } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { PlanEntry } from './plan-entry.tsx';
import { PlanForm } from './plan-form.tsx';
import type { Selling } from './selling.ts';
import { useFocusAfter } from './use-focus-after.ts';

/** What the stream is sold for. */
export function PlanSection({ selling }: { selling: Selling }) {
  const isAdding = useSignal(false);
  const add = useRef<HTMLDivElement>(null);
  const focusAdd = () => add.current?.querySelector('button')?.focus();
  useFocusAfter(isAdding.value, focusAdd);
  const plans = selling.plans.value ?? [];
  const offered = plans.filter(({ status }) => status === 'offered');
  const ended = plans.filter(({ status }) => status !== 'offered').reverse();

  return (
    <section class="stack" aria-labelledby="plans-title">
      <div class="sell-head">
        <h3 id="plans-title">Plans</h3>
        <span class="hint" role="status">
          {offered.length === 0 ? 'None: the stream is free' : `${plural(offered.length, 'plan')} offered`}
        </span>
        {isAdding.value ? null : (
          <div ref={add} class="sell-tools">
            <Button
              small
              onClick={() => {
                isAdding.value = true;
              }}
            >
              Add a plan
            </Button>
          </div>
        )}
      </div>
      {isAdding.value ? (
        <PlanForm
          selling={selling}
          onDone={() => {
            isAdding.value = false;
          }}
        />
      ) : null}
      <PlanList label="Offered plans" plans={offered} selling={selling} onEnded={focusAdd} />
      {ended.length === 0 ? null : (
        <details>
          <summary>Ended plans ({ended.length})</summary>
          <PlanList label="Ended plans" plans={ended} selling={selling} onEnded={focusAdd} />
        </details>
      )}
    </section>
  );
}

interface PlanListProps {
  label: string;
  plans: readonly Plan[];
  selling: Selling;
  onEnded: () => void;
}

function PlanList({ label, plans, selling, onEnded }: PlanListProps) {
  if (plans.length === 0) return null;
  return (
    <ul class="own-plans" aria-label={label}>
      {plans.map((plan) => (
        <PlanEntry key={plan.id} plan={plan} selling={selling} onEnded={onEnded} />
      ))}
    </ul>
  );
}
