import type { ListingSummary, Sample } from '@motience/protocol';
import { Refusal } from '@motience/protocol';
import { MeasureList, Notice, SampleText } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Catalogue } from './catalogue.ts';

interface ListingDetailsProps {
  catalogue: Catalogue;
  listing: ListingSummary;
}

/** What a stream is, each measured figure beside its inputs, and readings of the past. */
export function ListingDetails({ catalogue, listing }: ListingDetailsProps) {
  const sample = useSignal<Sample | 'none' | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const { producer_id: id, description, licence, tags, measures } = listing;

  useEffect(() => {
    catalogue.sample(id).then(
      (found) => {
        sample.value = found;
      },
      (error: unknown) => {
        if (error instanceof Refusal && error.kind === 'not-found') sample.value = 'none';
        else problem.value = error instanceof Error ? error.message : String(error);
      },
    );
  }, [catalogue, id, sample, problem]);

  return (
    <div class="listing-details">
      <p class="listing-description">{description}</p>
      <p class="hint">{[`Licence: ${licence}`, ...tags].join(' · ')}</p>
      {measures === null ? null : (
        <>
          <h4>Measured</h4>
          <MeasureList measures={measures} />
        </>
      )}
      <h4>Sample</h4>
      {problem.value === undefined ? null : <Notice tone="bad">{problem.value}</Notice>}
      <SampleView sample={sample.value} />
    </div>
  );
}

function SampleView({ sample }: { sample: Sample | 'none' | undefined }) {
  if (sample === undefined) return null;
  if (sample === 'none') return <p class="hint">The producer shows none.</p>;
  return <SampleText sample={sample} />;
}
