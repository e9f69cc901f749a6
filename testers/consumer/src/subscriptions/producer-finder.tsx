import type { PublicUser } from '@motience/protocol';
import { Button, Card, Field, Notice } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Subscriptions } from './subscriptions.ts';

interface Found {
  text: string;
  items: readonly PublicUser[];
  cursor: string | null;
}

const typingPauseMs = 250;

/** Browses all producers, or those whose name contains a text, and subscribes to one. */
export function ProducerFinder({ subscriptions }: { subscriptions: Subscriptions }) {
  const text = useSignal('');
  const found = useSignal<Found | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const busy = useSignal<string | undefined>(undefined);
  const subscribed = new Set(subscriptions.list.value?.map(({ producer_id }) => producer_id));

  const search = async (wanted: string, before: Found | undefined) => {
    try {
      const { items, next_cursor } = await subscriptions.find(wanted, before?.cursor ?? null);
      // An answer to what was typed before is of no use any more.
      if (text.value.trim() !== wanted) return;
      problem.value = undefined;
      found.value = { text: wanted, items: [...(before?.items ?? []), ...items], cursor: next_cursor };
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  };

  const wanted = text.value.trim();
  useEffect(() => {
    const timer = setTimeout(() => void search(wanted, undefined), wanted === '' ? 0 : typingPauseMs);
    return () => clearTimeout(timer);
  }, [wanted]);

  const subscribe = async (producer: PublicUser) => {
    busy.value = producer.id;
    await subscriptions.subscribe(producer);
    busy.value = undefined;
  };

  const shown = found.value;
  return (
    <Card title="Find producers">
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
        {problem.value === undefined ? null : <Notice tone="bad">{problem.value}</Notice>}
        <ul class="producers" data-testid="producers">
          {shown?.items.map((producer) => (
            <li key={producer.id} data-producer={producer.id}>
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
                  busy={busy.value === producer.id}
                  disabled={busy.value !== undefined}
                  onClick={() => void subscribe(producer)}
                >
                  Subscribe
                </Button>
              )}
            </li>
          ))}
        </ul>
        <p class="hint" role="status">
          {shown?.items.length === 0
            ? shown.text === ''
              ? 'There are no producers yet. Register one on the producer tester.'
              : `No producer’s name contains “${shown.text}”.`
            : ''}
        </p>
        {shown === undefined || shown.cursor === null ? null : (
          <Button small onClick={() => void search(shown.text, shown)}>
            Show more
          </Button>
        )}
      </div>
    </Card>
  );
}
