import type { ComponentChildren } from 'preact';

export interface Figure {
  label: string;
  value: string;
  unit?: string;
  /** Says it in full where the label is short. */
  title?: string;
  tone?: 'bad' | 'plain';
  extra?: ComponentChildren;
}

/** The few numbers worth a glance. */
export function FigureStrip({ label, figures }: { label: string; figures: readonly Figure[] }) {
  return (
    <dl class={`figures figures-${figures.length}`} aria-label={label}>
      {figures.map(({ label: name, value, unit, title, tone, extra }) => (
        <div key={name} title={title} class={tone === 'bad' ? 'figure figure-bad' : 'figure'}>
          <dt>{name}</dt>
          <dd>
            <span data-testid={`figure-${name.toLowerCase().replaceAll(' ', '-')}`}>{value}</span>
            {unit === undefined ? null : <span class="unit"> {unit}</span>}
            {extra}
          </dd>
        </div>
      ))}
    </dl>
  );
}
