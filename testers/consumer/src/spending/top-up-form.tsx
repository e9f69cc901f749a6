import { currencies } from '@motience/ledger/pricing';
import { Button, ChoiceField, Field, Notice, useForm } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import type { Spending } from './spending.ts';

const codes = currencies.map((value) => ({ value, label: value }));

/** Begins a payment, and leads to the provider's page. */
export function TopUpForm({ spending }: { spending: Spending }) {
  const currency = useSignal<(typeof currencies)[number]>('EUR');
  const page = useSignal<string | undefined>(undefined);
  const { errors, isBusy, onSubmit } = useForm(async (text) => {
    page.value = undefined;
    page.value = await spending.topUp(currency.value, text('amount'));
  });

  return (
    <form class="stack" aria-label="Top-up" onSubmit={onSubmit} noValidate>
      <div class="top-up">
        <Field label="Top up by" name="amount" keyboard="decimal" initial="10.00" error={errors.fields.amount} />
        <ChoiceField
          label="Currency"
          name="currency"
          options={codes}
          choice={currency}
          error={errors.fields.currency}
        />
      </div>
      {errors.form === undefined ? null : <Notice tone="bad">{errors.form}</Notice>}
      <Button type="submit" busy={isBusy} disabled={isBusy}>
        Top up
      </Button>
      <div role="status">
        {page.value === undefined ? null : (
          <a href={page.value} target="_blank" rel="noreferrer">
            Continue to the payment
          </a>
        )}
      </div>
    </form>
  );
}
