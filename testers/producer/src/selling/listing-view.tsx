import type { OwnListing } from '@motience/protocol';
import { Button, MeasureList, Notice, placeInWords, SampleText } from '@motience/testers-kit';
import { useRef } from 'preact/hooks';
import type { Selling } from './selling.ts';
import { useDoing } from './use-doing.ts';

const sampleSize = 10;
const whoSees = {
  draft: 'Only you see it, until you publish it.',
  published: 'Everybody finds it in the catalogue.',
  paused: 'It is out of the catalogue for a while. Whoever is subscribed goes on receiving.',
  retired: 'It is out of the catalogue. Saving it makes a draft of it again.',
} as const;

interface ListingViewProps {
  selling: Selling;
  listing: OwnListing;
}

/** The listing as it stands, what can be done with it, and what was measured of the stream. */
export function ListingView({ selling, listing }: ListingViewProps) {
  const { doing, problem, attempt } = useDoing();
  const { title, seller, description, category, tags, licence, status, measures } = listing;
  const sample = selling.sample.value;
  const soldBy = seller === null ? undefined : `Sold by ${seller}`;
  const about = [soldBy, category, placeInWords(listing.place), licence, ...tags].filter((text) => text !== undefined);
  const takenAt = listing.sample_taken_at;
  const isPublished = status === 'published';
  const tools = useRef<HTMLDivElement>(null);
  const removeSample = async () => {
    await selling.removeSample();
    // The button that was pressed is about to go.
    tools.current?.querySelector('button')?.focus();
  };

  return (
    <>
      <div>
        <p class="sell-name">{title}</p>
        <p class="hint">{about.join(' · ')}</p>
        <p class="sell-description">{description}</p>
      </div>
      <p class="hint">{whoSees[status]}</p>
      <div ref={tools} class="sell-tools">
        {status === 'retired' ? null : (
          <Button
            tone={isPublished ? 'plain' : 'primary'}
            busy={doing === 'move'}
            onClick={() => attempt('move', () => selling.moveListing(isPublished ? 'pause' : 'publish'))}
          >
            {isPublished ? 'Pause' : 'Publish'}
          </Button>
        )}
        <Button busy={doing === 'sample'} onClick={() => attempt('sample', () => selling.takeSample(sampleSize))}>
          {takenAt === null ? `Show the last ${sampleSize} readings` : 'Take the sample anew'}
        </Button>
        {takenAt === null ? null : (
          <Button tone="quiet" busy={doing === 'remove'} onClick={() => attempt('remove', removeSample)}>
            Remove the sample
          </Button>
        )}
      </div>
      {problem === undefined ? null : <Notice tone="bad">{problem}</Notice>}
      <div role="status">
        <h4>Sample</h4>
        {sample === undefined ? (
          <p class="hint">
            {takenAt === null
              ? 'None: consumers see no reading before they subscribe.'
              : `Everybody sees readings of the past, taken ${new Date(takenAt).toLocaleString()}.`}
          </p>
        ) : (
          <SampleText sample={sample} />
        )}
      </div>
      {measures === null ? null : (
        <div>
          <h4>Measured</h4>
          <MeasureList measures={measures} />
        </div>
      )}
    </>
  );
}
