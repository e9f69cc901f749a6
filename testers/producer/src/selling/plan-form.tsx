import { currencies, type PlanTerms } from '@motience/ledger/pricing';
import { Button, ChoiceField, Field, Notice, useForm } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { planBody } from './plan-body.ts';
import type { Selling } from './selling.ts';

type PlanKind = PlanTerms['kind'];

const kinds: readonly { value: PlanKind; label: string; price: string }[] = [
  { value: 'free', label: 'Free', price: '' },
  { value: 'per-reading', label: 'Per reading', price: 'Price of a reading' },
  { value: 'per-1000-readings', label: 'Per 1,000 readings', price: 'Price of 1,000 readings' },
  { value: 'per-megabyte', label: 'Per MB', price: 'Price of a MB' },
  { value: 'per-time', label: 'Per time', price: 'Price of the time' },
  { value: 'monthly', label: 'Monthly', price: 'Price of a month' },
];
const times = (['hour', 'day', 'month'] as const).map((value) => ({ value, label: `per ${value}` }));
const trials = (['readings', 'minutes'] as const).map((value) => ({ value, label: value }));
const codes = currencies.map((value) => ({ value, label: value }));

/** Offers a plan of any kind. Mistakes stand next to their fields. */
export function PlanForm({ selling, onDone }: { selling: Selling; onDone: () => void }) {
  const kind = useSignal<PlanKind>('per-1000-readings');
  const currency = useSignal<(typeof currencies)[number]>('EUR');
  const per = useSignal<'hour' | 'day' | 'month'>('hour');
  const trialOf = useSignal<'readings' | 'minutes'>('readings');
  const { errors, isBusy, onSubmit } = useForm(async (text) => {
    await selling.addPlan(planBody(text));
    onDone();
  });
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector('input')?.focus(), []);
  const fieldOf = (name: string) => ({ name, error: errors.fields[name] });
  const chosen = kinds.find(({ value }) => value === kind.value);
  const isPaid = kind.value !== 'free';

  return (
    <form ref={form} class="stack plan-form" aria-label="New plan" onSubmit={onSubmit} noValidate>
      <div class="field-pair">
        <Field label="Name" {...fieldOf('name')} placeholder="By the thousand" required />
        <ChoiceField label="Kind" {...fieldOf('terms.kind')} options={kinds} choice={kind} />
        {isPaid ? (
          <>
            <Field
              label={chosen?.price ?? 'Price'}
              {...fieldOf('terms.price')}
              keyboard="decimal"
              placeholder="0.25"
              required
            />
            <ChoiceField label="Currency" {...fieldOf('terms.currency')} options={codes} choice={currency} />
          </>
        ) : null}
        {kind.value === 'per-time' ? (
          <>
            <ChoiceField label="Time" {...fieldOf('terms.per')} options={times} choice={per} />
            <Field
              label="Longest silence in s"
              {...fieldOf('max_silence_seconds')}
              keyboard="numeric"
              hint="Longer ones are credited; empty: no promise"
            />
          </>
        ) : null}
        {kind.value === 'monthly' ? (
          <>
            <Field
              label="Readings included"
              {...fieldOf('terms.quota_readings')}
              keyboard="numeric"
              placeholder="100000"
              required
            />
            <Field
              label="Price of 1,000 more"
              {...fieldOf('terms.beyond_quota')}
              keyboard="decimal"
              hint="Empty: it stops there"
            />
          </>
        ) : null}
        {isPaid ? (
          <>
            <Field label="Trial" {...fieldOf('terms.trial')} keyboard="numeric" hint="Free at first; empty: nothing" />
            <ChoiceField label="Trial of" {...fieldOf('trial_of')} options={trials} choice={trialOf} />
            <Field
              label="At most a month"
              {...fieldOf('terms.maximum_monthly_charge')}
              keyboard="decimal"
              hint="Empty: no such limit"
            />
          </>
        ) : null}
        <Field
          label="Notice in days"
          {...fieldOf('terms.minimum_notice_days')}
          keyboard="numeric"
          hint="How long it stays, once ended"
        />
      </div>
      {errors.form === undefined ? null : <Notice tone="bad">{errors.form}</Notice>}
      <div class="sell-tools">
        <Button type="submit" tone="primary" busy={isBusy} disabled={isBusy}>
          Offer this plan
        </Button>
        <Button tone="quiet" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
