import type { PublicUser } from '@motience/protocol';
import { Button, Field, Notice } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { PlanChoice } from '../market/plan-choice.tsx';
import type { PlanChooser } from '../market/plan-chooser.ts';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';
import { usePages } from './use-pages.ts';

interface ProducerListProps {
  subscriptions: Subscriptions;
  chooser: PlanChooser;
}

/** Browses all producers, or those whose name contains a text, and subscribes to one. */
export function ProducerList({ subscriptions, chooser }: ProducerListProps) {
  const text = useSignal('');
  const wanted = text.value.trim();
  const { items, problem, more } = usePages<PublicUser>(wanted, (cursor) => subscriptions.find(wanted, cursor));
  const subscribed = new Set(subscriptions.list.value?.map(({ producer_id }) => producer_id));

  return (
    <div class="stack">
      <Field
        label="Search by name"
        name="search"
        keyboard="search"
        value={text.value}
        placeholder="All producers"
        onInput={(value) => {
          text.value = value;
        }}
      />
      {problem === undefined ? null : <Notice tone="bad">{problem}</Notice>}
      <ul class="producers" data-testid="producers">
        {items?.map((producer) => (
          <li key={producer.id} data-producer={producer.id}>
            <div class="producer-head">
              <span class="producer-name">
                {producer.username}
                {producer.name === null ? null : <span class="muted"> {producer.name}</span>}
              </span>
              {subscribed.has(producer.id) ? (
                <span class="subscribed">Subscribed</span>
              ) : (
                <Button
                  small
                  label={`Subscribe to ${producer.username}`}
                  busy={chooser.busy.value === producer.id}
                  disabled={chooser.busy.value !== undefined}
                  onClick={() => void chooser.subscribe({ id: producer.id, name: producer.username })}
                >
                  Subscribe
                </Button>
              )}
            </div>
            <PlanChoice chooser={chooser} producerId={producer.id} />
          </li>
        ))}
      </ul>
      <p class="hint" role="status">
        {items?.length === 0
          ? wanted === ''
            ? 'There are no producers yet. Register one on the producer tester.'
            : `No producer’s name contains “${wanted}”.`
          : ''}
      </p>
      {more === undefined ? null : (
        <Button small onClick={more}>
          Show more
        </Button>
      )}
    </div>
  );
}
