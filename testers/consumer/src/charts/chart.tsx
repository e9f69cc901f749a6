import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { FieldChart } from './field-history.ts';
import { tickLabels } from './tick-labels.ts';

const height = 132;
const seriesColours = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6'];
/** As it was sent: it stands beside the table, which rounds nothing either. */
const latestFormat = new Intl.NumberFormat('en', { maximumFractionDigits: 20 });

/** One numeric field over the last two minutes, a line for each device. */
export function Chart({ chart }: { chart: FieldChart }) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const devices = chart.series.map(({ device }) => device).join('\n');
  const latest = useRef(chart);
  latest.current = chart;

  // A plot keeps its lines and colours for life: other devices, or the other colour scheme, take another one.
  useEffect(() => {
    const parent = frame.current;
    if (!parent) return;
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsFor(parent, chart.series.length), dataOf(latest.current), parent);
    };
    draw();
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: parent.clientWidth, height }));
    resize.observe(parent);
    scheme.addEventListener('change', draw);
    return () => {
      scheme.removeEventListener('change', draw);
      resize.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [devices]);

  useEffect(() => {
    plot.current?.setData(dataOf(chart));
  }, [chart]);

  const summary = chart.series.map(({ device, latest: value }) => `${device} ${latestFormat.format(value)}`).join(', ');
  return (
    <figure class="chart" data-testid="chart" data-field={chart.path}>
      <figcaption>
        <h3 title={chart.path}>{chart.path}</h3>
        <ul class="legend">
          {chart.series.map(({ device, latest: value }, index) => (
            <li key={device} class={`legend-${(index % seriesColours.length) + 1}`} title={device}>
              <span class="legend-device">{device}</span>
              <span class="legend-value">{latestFormat.format(value)}</span>
            </li>
          ))}
          {chart.hiddenDevices === 0 ? null : <li class="muted">and {chart.hiddenDevices} more</li>}
        </ul>
      </figcaption>
      <div ref={frame} class="plot" role="img" aria-label={`Chart of ${chart.path}; latest: ${summary}`} />
    </figure>
  );
}

function dataOf({ times, series }: FieldChart): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}

function optionsFor(parent: HTMLElement, lines: number): uPlot.Options {
  const style = getComputedStyle(parent);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--muted'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour('--border'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: parent.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 16, 0, 0],
    axes: [
      { ...axis, size: 22, space: 70, grid: { show: false }, values: (_plot, times) => times.map(timeLabel) },
      {
        ...axis,
        size: (_plot, labels) => Math.max(50, 8 + 6.5 * Math.max(0, ...(labels ?? []).map(({ length }) => length))),
        gap: 3,
        space: 28,
        values: (_plot, ticks, _axis, _space, step) => tickLabels(ticks, step),
      },
    ],
    series: [
      {},
      ...Array.from({ length: lines }, (_, index) => ({
        stroke: colour(seriesColours[index % seriesColours.length] ?? '--series-1'),
        width: 1.5,
        spanGaps: true,
        // A line needs two values; a lone one would not be seen.
        points: { show: (plot: uPlot, line: number) => hasOneValue(plot.data[line]), size: 5 },
      })),
    ],
  };
}

function hasOneValue(values: ArrayLike<number | null | undefined> | undefined): boolean {
  let found = 0;
  for (let at = 0; values && at < values.length && found < 2; at += 1) if (values[at] != null) found += 1;
  return found === 1;
}

const minuteFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const secondFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const timeLabel = (seconds: number) => (seconds % 60 === 0 ? minuteFormat : secondFormat).format(seconds * 1000);
