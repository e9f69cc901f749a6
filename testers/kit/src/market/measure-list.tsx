import type { Measures } from '@motience/protocol';
import { describeMeasures } from './describe-measures.ts';

/** What was measured of a stream, each figure beside what it was computed from. */
export function MeasureList({ measures }: { measures: Measures }) {
  return (
    <dl class="measures">
      {describeMeasures(measures).map(({ label, value, from }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            {value ?? 'not known'} <span class="hint">{from}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
