import type { OwnListing } from '@motience/protocol';
import { AreaField, Button, Field, Notice, useForm } from '@motience/testers-kit';
import { useEffect, useRef } from 'preact/hooks';
import { listingBody } from './listing-body.ts';
import type { Selling } from './selling.ts';

interface ListingFormProps {
  selling: Selling;
  listing: OwnListing | undefined;
  onDone: () => void;
}

/** Says what the stream is; a new listing is a draft. Mistakes stand next to their fields. */
export function ListingForm({ selling, listing, onDone }: ListingFormProps) {
  const { errors, isBusy, onSubmit } = useForm(async (text) => {
    await selling.saveListing(listingBody(text, listing));
    onDone();
  });
  const form = useRef<HTMLFormElement>(null);
  const isNew = listing === undefined;
  useEffect(() => {
    if (!isNew) form.current?.querySelector('input')?.focus();
  }, [isNew]);
  const place = listing?.place;
  const fieldOf = (name: string) => ({ name, error: errors.fields[name] });
  const degrees = (value: number | null | undefined) => (value === null || value === undefined ? '' : String(value));

  return (
    <form ref={form} class="stack" onSubmit={onSubmit} noValidate>
      {isNew ? <p class="muted">Say what your stream is, so that consumers find it in the catalogue.</p> : null}
      <Field label="Title" {...fieldOf('title')} initial={listing?.title} required />
      <Field label="Sold by" {...fieldOf('seller')} initial={listing?.seller ?? ''} hint="As everybody is to read it" />
      <AreaField label="Description" {...fieldOf('description')} initial={listing?.description} required />
      <div class="field-pair">
        <Field label="Category" {...fieldOf('category')} initial={listing?.category} placeholder="weather" required />
        <Field
          label="Tags"
          {...fieldOf('tags')}
          initial={listing?.tags.join(', ')}
          placeholder="wind, rooftop"
          hint="Commas between"
        />
      </div>
      <Field
        label="Licence"
        {...fieldOf('licence')}
        initial={listing?.licence ?? 'CC-BY-4.0'}
        hint="Its name or address"
        required
      />
      <fieldset class="part">
        <legend>Place</legend>
        <div class="field-pair">
          <Field label="Place name" {...fieldOf('place.name')} initial={place?.name ?? ''} placeholder="Lisbon" />
          <Field label="Region" {...fieldOf('place.region')} initial={place?.region ?? ''} placeholder="PT-11" />
          <Field
            label="Latitude"
            {...fieldOf('place.latitude')}
            initial={degrees(place?.latitude)}
            keyboard="text"
            placeholder="38.72"
          />
          <Field
            label="Longitude"
            {...fieldOf('place.longitude')}
            initial={degrees(place?.longitude)}
            keyboard="text"
            placeholder="-9.14"
          />
        </div>
      </fieldset>
      {errors.form === undefined ? null : <Notice tone="bad">{errors.form}</Notice>}
      <div class="sell-tools">
        <Button type="submit" tone="primary" busy={isBusy} disabled={isBusy}>
          {isNew ? 'Save as a draft' : 'Save the listing'}
        </Button>
        {isNew ? null : (
          <Button tone="quiet" onClick={onDone}>
            Cancel
          </Button>
        )}
      </div>
    </form>
  );
}
