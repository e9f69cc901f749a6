interface SparklineProps {
  values: readonly number[];
  /** What it shows, for those who do not see it. */
  label: string;
}

const width = 120;
const height = 24;

/** The shape of a minute, without axes. */
export function Sparkline({ values, label }: SparklineProps) {
  const top = Math.max(...values, 0.001);
  const step = width / Math.max(values.length - 1, 1);
  const points = values
    .map((value, index) => `${(index * step).toFixed(1)},${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`)
    .join(' ');
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <polyline points={points} />
    </svg>
  );
}
