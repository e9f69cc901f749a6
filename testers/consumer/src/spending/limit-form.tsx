import { currencies } from '@motience/ledger/pricing';
import { Button, ChoiceField, Field, isFree, Notice, useForm } from '@motience/testers-kit';
import { useSignal, useSignalEffect } from '@preact/signals';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';
import type { Spending } from './spending.ts';

const all = '';
const codes = currencies.map((value) => ({ value, label: value }));
const periods = (['day', 'month'] as const).map((value) => ({ value, label: value }));

interface LimitFormProps {
  spending: Spending;
  subscriptions: Subscriptions;
}

/** Sets a limit, in place of one for the same. It goes first, so its fields bear the names of the first one's. */
export function LimitForm({ spending, subscriptions }: LimitFormProps) {
  const currency = useSignal<(typeof currencies)[number]>('EUR');
  const period = useSignal<'day' | 'month'>('month');
  const of = useSignal(all);
  useSignalEffect(() => {
    // A subscription that ended meanwhile cannot be chosen any more.
    if (!subscriptions.list.value?.some(({ id }) => id === of.value)) of.value = all;
  });
  const paid = (subscriptions.list.value ?? []).filter(({ plan }) => plan !== null && !isFree(plan));
  const streams = [
    { value: all, label: 'All streams' },
    ...paid.map(({ id, producer_id }) => ({ value: id, label: subscriptions.nameOf(producer_id) })),
  ];
  const { errors, isBusy, onSubmit } = useForm((text) =>
    spending.setLimit({
      currency: currency.value,
      ...(of.value === all ? {} : { subscription_id: of.value }),
      period: period.value,
      amount: text('limits.0.amount'),
    }),
  );

  return (
    <form class="limit-form" aria-label="Spending limit" onSubmit={onSubmit} noValidate>
      <Field
        label="At most"
        name="limits.0.amount"
        keyboard="decimal"
        placeholder="20.00"
        error={errors.fields['limits.0.amount']}
        required
      />
      <ChoiceField label="Currency" name="limits.0.currency" options={codes} choice={currency} />
      <ChoiceField label="Each" name="limits.0.period" hint="Of UTC" options={periods} choice={period} />
      <ChoiceField label="For" name="limits.0.subscription_id" options={streams} choice={of} />
      {errors.form === undefined ? null : <Notice tone="bad">{errors.form}</Notice>}
      <Button type="submit" busy={isBusy} disabled={isBusy}>
        Set the limit
      </Button>
    </form>
  );
}
