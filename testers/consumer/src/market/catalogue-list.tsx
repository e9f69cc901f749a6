import { currencies } from '@motience/ledger/pricing';
import { type ListingSummary, priceUnits } from '@motience/protocol';
import { Button, Field, Notice } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { usePages } from '../finding/use-pages.ts';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';
import { type Catalogue, type CatalogueQuery, queryText } from './catalogue.ts';
import { ListingEntry } from './listing-entry.tsx';
import type { PlanChooser } from './plan-chooser.ts';

interface CatalogueListProps {
  catalogue: Catalogue;
  subscriptions: Subscriptions;
  chooser: PlanChooser;
}

const unitWords: Record<(typeof priceUnits)[number], string> = {
  '1000-readings': 'per 1,000 readings',
  megabyte: 'per MB',
  day: 'per day',
  month: 'per month',
};
const everything: CatalogueQuery = {
  words: '',
  category: '',
  region: '',
  priceAtMost: '',
  pricePer: '1000-readings',
  currency: 'EUR',
};
const amountForm = /^\s*(?:(?:0|[1-9]\d{0,12})(?:\.\d{1,6})?)?\s*$/;

/** Searches the catalogue, and subscribes to what is found. */
export function CatalogueList({ catalogue, subscriptions, chooser }: CatalogueListProps) {
  const query = useSignal(everything);
  const set = (change: Partial<CatalogueQuery>) => {
    query.value = { ...query.value, ...change };
  };
  const wanted = query.value;
  const isPriceRight = amountForm.test(wanted.priceAtMost);
  const { items, problem, more } = usePages<ListingSummary>(
    isPriceRight ? queryText(wanted, null) : undefined,
    (cursor) => catalogue.find(wanted, cursor),
  );
  const narrowed = [wanted.category, wanted.region, wanted.priceAtMost].filter((text) => text.trim() !== '').length;

  return (
    <div class="stack">
      <Field
        label="Search the catalogue"
        name="words"
        keyboard="search"
        value={wanted.words}
        placeholder="Words, fields, places"
        onInput={(words) => set({ words })}
      />
      <details class="filters">
        <summary>{narrowed === 0 ? 'Narrow it down' : `Narrowed down by ${narrowed}`}</summary>
        <div class="stack">
          <Field
            label="Category"
            name="category"
            value={wanted.category}
            placeholder="weather"
            onInput={(category) => set({ category })}
          />
          <Field
            label="Region"
            name="region"
            value={wanted.region}
            placeholder="PT"
            onInput={(region) => set({ region })}
          />
          <Field
            label="Price at most"
            name="price"
            value={wanted.priceAtMost}
            placeholder="0.50"
            error={isPriceRight ? undefined : 'Expected an amount such as 0.50.'}
            onInput={(priceAtMost) => set({ priceAtMost })}
          />
          <div class="row">
            <Select
              label="Currency"
              value={wanted.currency}
              options={currencies.map((currency) => ({ value: currency, label: currency }))}
              onChange={(currency) => set({ currency })}
            />
            <Select
              label="Unit of the price"
              value={wanted.pricePer}
              options={priceUnits.map((unit) => ({ value: unit, label: unitWords[unit] }))}
              onChange={(pricePer) => set({ pricePer })}
            />
          </div>
        </div>
      </details>
      {problem === undefined ? null : <Notice tone="bad">{problem}</Notice>}
      <ul class="listings" data-testid="listings">
        {items?.map((listing) => (
          <ListingEntry
            key={listing.producer_id}
            listing={listing}
            catalogue={catalogue}
            chooser={chooser}
            subscription={subscriptions.list.value?.find(({ producer_id }) => producer_id === listing.producer_id)}
          />
        ))}
      </ul>
      <p class="hint" role="status">
        {items?.length === 0 ? 'Nothing is listed that fits. All producers are beside the catalogue.' : ''}
      </p>
      {more === undefined ? null : (
        <Button small onClick={more}>
          Show more
        </Button>
      )}
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
}

function Select({ label, value, options, onChange }: SelectProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class="visually-hidden">
        {label}
      </label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}
