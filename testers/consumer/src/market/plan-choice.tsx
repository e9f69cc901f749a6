import { Button, conditionsInWords, Notice, priceInWords } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { PlanChooser } from './plan-chooser.ts';

interface PlanChoiceProps {
  chooser: PlanChooser;
  producerId: string;
  /** Of the subscription that is active. */
  currentPlanId?: string | null | undefined;
}

/** Under a producer: the plans to choose from, or what came of asking; nothing where neither is the case. */
export function PlanChoice({ chooser, producerId, currentPlanId }: PlanChoiceProps) {
  const choosing = chooser.choosing.value;
  if (choosing?.id !== producerId) return null;
  const { problem, isAsked, plans } = choosing;
  if (problem !== undefined) return <Notice tone="bad">{problem}</Notice>;
  if (isAsked) return <Notice tone="plain">Asked. The producer decides who receives this stream.</Notice>;
  if (plans?.length === 0) return <Notice tone="warn">The producer offers no plan now.</Notice>;
  return <PlanForm key={producerId} chooser={chooser} currentPlanId={currentPlanId} />;
}

function PlanForm({ chooser, currentPlanId }: Omit<PlanChoiceProps, 'producerId'>) {
  const choosing = chooser.choosing.value;
  const plans = choosing?.plans ?? [];
  const chosen = useSignal(currentPlanId ?? plans[0]?.id);
  const form = useRef<HTMLFormElement>(null);
  // Whoever asked for the plans by keyboard goes on among them.
  useEffect(() => form.current?.querySelector<HTMLInputElement>('input:checked')?.focus(), []);
  if (choosing === undefined) return null;
  const isBusy = chooser.busy.value !== undefined;

  return (
    <form
      ref={form}
      class="plan-choice"
      onSubmit={(event) => {
        event.preventDefault();
        void chooser.subscribe(choosing, chosen.value);
      }}
    >
      <fieldset>
        <legend>
          {currentPlanId === undefined ? 'Choose a plan: nothing is charged before.' : 'Choose another plan.'}
        </legend>
        {plans.map((plan) => (
          <label key={plan.id} class="plan">
            <input
              type="radio"
              name="plan"
              checked={plan.id === chosen.value}
              onChange={() => {
                chosen.value = plan.id;
              }}
            />
            <span>
              <span class="plan-name">
                {plan.name}
                {plan.id === currentPlanId ? ' (yours)' : ''}
              </span>
              <span class="plan-price">{priceInWords(plan)}</span>
              <span class="hint">{conditionsInWords(plan).join(' · ')}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="tool-buttons">
        <Button type="submit" tone="primary" small busy={isBusy} disabled={isBusy || chosen.value === currentPlanId}>
          {currentPlanId === undefined ? 'Subscribe on this plan' : 'Change to this plan'}
        </Button>
        <Button tone="quiet" small onClick={() => chooser.cancel()}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
