import { currencies } from '@motience/ledger/pricing';
import { Button, Field, Notice } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import type { Spending } from './spending.ts';

/** Begins a payment, and leads to the provider's page. */
export function TopUpForm({ spending }: { spending: Spending }) {
  const amount = useSignal('10.00');
  const currency = useSignal<string>('EUR');
  const page = useSignal<string | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const busy = useSignal(false);

  const begin = async (event: SubmitEvent) => {
    event.preventDefault();
    busy.value = true;
    problem.value = undefined;
    try {
      page.value = await spending.topUp(currency.value, amount.value.trim());
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    } finally {
      busy.value = false;
    }
  };

  return (
    <form class="stack" onSubmit={(event) => void begin(event)} noValidate>
      <div class="top-up">
        <Field
          label="Top up by"
          name="amount"
          value={amount.value}
          onInput={(value) => {
            amount.value = value;
          }}
        />
        <select
          aria-label="Currency of the top-up"
          value={currency.value}
          onChange={(event) => {
            currency.value = event.currentTarget.value;
          }}
        >
          {currencies.map((code) => (
            <option key={code} value={code}>
              {code}
            </option>
          ))}
        </select>
      </div>
      {problem.value === undefined ? null : <Notice tone="bad">{problem.value}</Notice>}
      <Button type="submit" busy={busy.value} disabled={busy.value}>
        Top up
      </Button>
      {page.value === undefined ? null : (
        <a href={page.value} target="_blank" rel="noreferrer">
          Continue to the payment
        </a>
      )}
    </form>
  );
}
