import { Button, Card, Empty } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import type { Receiving } from '../receiving/receiving.ts';
import { Chart } from './chart.tsx';
import type { FieldChart } from './field-history.ts';
import { maxFields } from './field-history.ts';

/** On a phone, where charts stand one below the other, the table should not be far. */
const shownAtFirst = () => (matchMedia('(max-width: 640px)').matches ? 3 : 6);

interface ChartGridProps {
  receiving: Receiving;
  charts: readonly FieldChart[];
}

/** A chart per numeric field. */
export function ChartGrid({ receiving, charts }: ChartGridProps) {
  const showsAll = useSignal(false);
  const few = shownAtFirst();
  const shown = showsAll.value ? charts : charts.slice(0, few);
  const hidden = charts.length - shown.length;
  return (
    <Card
      title="Charts"
      aside={
        charts.length > few ? (
          <Button
            small
            tone="quiet"
            onClick={() => {
              showsAll.value = !showsAll.value;
            }}
          >
            {hidden > 0 ? `Show all ${charts.length}` : 'Show fewer'}
          </Button>
        ) : undefined
      }
    >
      {charts.length === 0 ? (
        <Empty title="Nothing to draw yet">
          Every number in the readings’ data gets a chart of its last two minutes.
        </Empty>
      ) : (
        <div class="charts" data-testid="charts">
          {shown.map((chart) => (
            <Chart key={chart.path} chart={chart} />
          ))}
        </div>
      )}
      {receiving.feed.fields.hasMoreFields && showsAll.value ? (
        <p class="hint">Only the first {maxFields} numeric fields are drawn.</p>
      ) : null}
    </Card>
  );
}
