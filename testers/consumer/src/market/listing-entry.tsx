import type { ListingSummary, NamedSubscription } from '@motience/protocol';
import { Button, conditionsInWords, isFree, measuresInShort, placeInWords, priceInWords } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import type { Catalogue } from './catalogue.ts';
import { ListingDetails } from './listing-details.tsx';
import { PlanChoice } from './plan-choice.tsx';
import type { PlanChooser } from './plan-chooser.ts';

interface ListingEntryProps {
  listing: ListingSummary;
  catalogue: Catalogue;
  chooser: PlanChooser;
  /** The consumer's own, if there is one. */
  subscription: NamedSubscription | undefined;
}

/** One stream of the catalogue: what it is, what was measured of it, what it costs. */
export function ListingEntry({ listing, catalogue, chooser, subscription }: ListingEntryProps) {
  const isOpen = useSignal(false);
  const { producer_id: id, title, seller, category, plans } = listing;
  const soldBy = seller === null ? undefined : `Sold by ${seller}`;
  const place = placeInWords(listing.place);
  const mayChoose = plans.length > 1 || plans.some((plan) => !isFree(plan));
  const subscribe = () => {
    if (mayChoose) chooser.choose({ id, name: title }, plans);
    else void chooser.subscribe({ id, name: title });
  };

  return (
    <li data-producer={id}>
      <div class="producer-head">
        <h3 class="listing-title">{title}</h3>
        {subscription === undefined ? (
          <Button
            small
            label={`Subscribe to ${title}`}
            busy={chooser.busy.value === id}
            disabled={chooser.busy.value !== undefined}
            onClick={subscribe}
          >
            {mayChoose ? 'Subscribe …' : 'Subscribe'}
          </Button>
        ) : (
          <span class="subscribed">Subscribed</span>
        )}
      </div>
      <p class="hint">{[soldBy, category, place].filter((text) => text !== undefined).join(' · ')}</p>
      <p class="listing-price">{pricesInShort(plans)}</p>
      <p class="hint">{measuresInShort(listing.measures)}</p>
      <div class="listing-tools">
        <details
          onToggle={(event) => {
            isOpen.value = event.currentTarget.open;
          }}
        >
          <summary aria-label={`About ${title}`}>About this stream</summary>
          {isOpen.value ? <ListingDetails catalogue={catalogue} listing={listing} /> : null}
        </details>
        {subscription !== undefined && plans.some((plan) => plan.id !== subscription.plan_id) ? (
          <Button tone="quiet" small label={`Change the plan of ${title}`} onClick={subscribe}>
            Change plan
          </Button>
        ) : null}
      </div>
      <PlanChoice chooser={chooser} producerId={id} currentPlanId={subscription?.plan_id} />
    </li>
  );
}

/** All prices in a line; with a single plan what else it promises, too. */
function pricesInShort(plans: ListingSummary['plans']): string {
  const [only, ...others] = plans;
  if (only === undefined) return 'Free';
  if (others.length === 0) return [priceInWords(only), ...conditionsInWords(only).slice(0, 1)].join(', ');
  return plans.map(priceInWords).join(' · ');
}
