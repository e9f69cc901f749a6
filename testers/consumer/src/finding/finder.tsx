import { Card, Segmented } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import type { Catalogue } from '../market/catalogue.ts';
import { CatalogueList } from '../market/catalogue-list.tsx';
import type { PlanChooser } from '../market/plan-chooser.ts';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';
import { ProducerList } from './producer-list.tsx';

interface FinderProps {
  subscriptions: Subscriptions;
  catalogue: Catalogue;
  chooser: PlanChooser;
}

const places = [
  { value: 'catalogue', label: 'Catalogue' },
  { value: 'producers', label: 'All producers' },
] as const;

/** Where streams are found: those that are listed, or all there are. */
export function Finder({ subscriptions, catalogue, chooser }: FinderProps) {
  const place = useSignal<(typeof places)[number]['value']>('catalogue');
  return (
    <Card title="Find streams">
      <div class="stack">
        <Segmented
          label="Where to look"
          options={places}
          value={place.value}
          onChange={(value) => {
            chooser.cancel();
            place.value = value;
          }}
        />
        {place.value === 'catalogue' ? (
          <CatalogueList catalogue={catalogue} subscriptions={subscriptions} chooser={chooser} />
        ) : (
          <ProducerList subscriptions={subscriptions} chooser={chooser} />
        )}
      </div>
    </Card>
  );
}
