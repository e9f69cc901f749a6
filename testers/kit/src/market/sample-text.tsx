import type { Sample } from '@motience/protocol';
import { plural } from '../figures/format.ts';

/** Readings of the past, one a line, and when they were taken. */
export function SampleText({ sample }: { sample: Sample }) {
  return (
    <>
      <p class="hint">
        {plural(sample.readings.length, 'reading')} of the past, taken {new Date(sample.taken_at).toLocaleString()}
      </p>
      <pre class="sample" data-testid="sample">
        {sample.readings.map(({ timestamp, data }) => `${timestamp} ${JSON.stringify(data)}`).join('\n')}
      </pre>
    </>
  );
}
