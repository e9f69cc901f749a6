import type { OwnListing } from '@motience/protocol';
import { Button } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { ListingForm } from './listing-form.tsx';
import { ListingView } from './listing-view.tsx';
import type { Selling } from './selling.ts';
import { useFocusAfter } from './use-focus-after.ts';

const statusWords = { draft: 'Draft', published: 'Published', paused: 'Paused', retired: 'Retired' } as const;

interface ListingSectionProps {
  selling: Selling;
  listing: OwnListing | undefined;
}

/** What the stream is, and the form to say so. */
export function ListingSection({ selling, listing }: ListingSectionProps) {
  const isEditing = useSignal(false);
  const edit = useRef<HTMLDivElement>(null);
  useFocusAfter(isEditing.value, () => edit.current?.querySelector('button')?.focus());
  const hasForm = isEditing.value || listing === undefined;
  const close = () => {
    isEditing.value = false;
  };

  return (
    <section class="stack" aria-labelledby="listing-title">
      <div class="sell-head">
        <h3 id="listing-title">Listing</h3>
        <span
          role="status"
          class={`pill ${listing?.status === 'published' ? 'pill-good' : ''}`}
          data-testid="listing-status"
        >
          {listing === undefined ? 'Not listed' : statusWords[listing.status]}
        </span>
        {listing === undefined || isEditing.value ? null : (
          <div ref={edit} class="sell-tools">
            <Button
              small
              label="Edit the listing"
              onClick={() => {
                isEditing.value = true;
              }}
            >
              Edit
            </Button>
          </div>
        )}
      </div>
      {hasForm ? (
        <ListingForm selling={selling} listing={listing} onDone={close} />
      ) : (
        <ListingView selling={selling} listing={listing} />
      )}
    </section>
  );
}
