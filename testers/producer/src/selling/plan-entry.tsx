import type { Plan } from '@motience/protocol';
import { Button, conditionsInWords, formatCount, Notice, priceInWords } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Selling } from './selling.ts';
import { useDoing } from './use-doing.ts';
import { useFocusAfter } from './use-focus-after.ts';

interface PlanEntryProps {
  plan: Plan;
  selling: Selling;
  /** The entry, and the focus in it, is about to go elsewhere. */
  onEnded: () => void;
}

/** A plan, what was sold on it, and, where it is offered, its end: asked for twice, because nothing brings it back. */
export function PlanEntry({ plan, selling, onEnded }: PlanEntryProps) {
  const isAsking = useSignal(false);
  const { doing, problem, attempt } = useDoing();
  const entry = useRef<HTMLLIElement>(null);
  const focusFirst = () => entry.current?.querySelector('button')?.focus();
  useFocusAfter(isAsking.value, focusFirst);
  useFocusAfter(!isAsking.value, focusFirst);
  const sold = selling.earnings.value?.find(({ group }) => group === plan.id);
  const isOffered = plan.status === 'offered';
  const ask = (wanted: boolean) => {
    isAsking.value = wanted;
  };
  const endPlan = async () => {
    await selling.endPlan(plan.id);
    onEnded();
  };

  return (
    <li ref={entry} data-plan={plan.id}>
      <div class="sell-head">
        <span class="plan-name">{plan.name}</span>
        {isOffered && !isAsking.value ? (
          <Button small tone="quiet" label={`End the plan ${plan.name}`} onClick={() => ask(true)}>
            End
          </Button>
        ) : null}
      </div>
      <p class="plan-price">{priceInWords(plan)}</p>
      <p class="hint">{conditionsInWords(plan).join(' · ')}</p>
      {sold === undefined ? null : (
        <p class="hint" data-testid={`sold-${plan.id}`}>
          {`${formatCount(Number(sold.use.readings))} readings delivered`}
          {sold.currency === null ? '' : `, ${sold.earned} ${sold.currency} earned`}
        </p>
      )}
      {isOffered ? null : <p class="hint">{endInWords(plan, Date.now())}</p>}
      {problem === undefined ? null : <Notice tone="bad">{problem}</Notice>}
      {isOffered && isAsking.value ? (
        <div class="plan-end">
          <p>Nobody can subscribe on it any more. Whoever has it keeps it for as long as its notice says.</p>
          <div class="sell-tools">
            <Button
              small
              tone="danger"
              busy={doing === 'end'}
              label={`End the plan ${plan.name} now`}
              onClick={() => attempt('end', endPlan)}
            >
              End this plan
            </Button>
            <Button small tone="quiet" onClick={() => ask(false)}>
              Keep it
            </Button>
          </div>
        </div>
      ) : null}
    </li>
  );
}

function endInWords({ ends_at }: Plan, now: number): string {
  const at = ends_at === null ? now : Date.parse(ends_at);
  if (at <= now) return 'Ended';
  return `Ends for those who have it: ${new Date(at).toLocaleString()}`;
}
