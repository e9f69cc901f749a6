import type { Figure, Scenario } from '../scenarios/scenario.ts';
import { targets, yardstick } from '../targets/index.ts';
import { inWords, ratio, summarize } from './numbers.ts';
import type { Outcome, TargetOutcome } from './outcome.ts';

/** A scenario's outcome as Markdown: figures with ratios, what was lost, and who was busy. */
export function outcomeText(scenario: Scenario, outcome: Outcome): string {
  const base = outcome.targets.find(({ name }) => name === yardstick.name);
  const { figures } = scenario;
  const header = ['', ...figures.flatMap(({ title }) => (base ? [title, 'ratio'] : [title])), 'lost'];
  const rows = outcome.targets.map((target) => [
    titleOf(target.name),
    ...figures.flatMap((figure) => cells(figure, target, base)),
    target.lost === 0 ? 'nothing' : inWords(target.lost, { decimals: 0 }),
  ]);
  return [
    `${scenario.about} Median of ${outcome.runs} ${outcome.runs === 1 ? 'run' : 'runs, and their spread'}${base ? `; ratios to the ${yardstick.title}` : ''}.`,
    '',
    table(header, rows),
    '',
    'Cores that were busy meanwhile:',
    '',
    table(
      ['', 'cores'],
      outcome.targets.map((target) => [titleOf(target.name), busyParts(target)]),
    ),
    ...remarks('Not as it should be', outcome, ({ troubles }) => troubles),
    ...remarks('Notes', outcome, ({ notes }) => notes),
  ].join('\n');
}

export function titleOf(name: string): string {
  return targets.find((target) => target.name === name)?.title ?? name;
}

function cells(figure: Figure, target: TargetOutcome, base: TargetOutcome | undefined): string[] {
  const summary = summarize(target.values[figure.key]);
  if (!summary) return base ? ['–', '–'] : ['–'];
  const median = inWords(summary.median, figure);
  const spread = `${inWords(summary.min, figure)} – ${inWords(summary.max, figure)}`;
  const text = summary.min === summary.max ? median : `${median} (${spread})`;
  return base ? [text, ratio(summary.median, summarize(base.values[figure.key])?.median)] : [text];
}

/** What took next to nothing is left out. */
const leastCores = 0.02;

function busyParts({ cores }: TargetOutcome): string {
  return Object.entries(cores)
    .filter(([, share]) => share >= leastCores)
    .sort(([, one], [, other]) => other - one)
    .map(([part, share]) => `${part} ${share.toFixed(2)}`)
    .join(', ');
}

function remarks(heading: string, { targets }: Outcome, pick: (target: TargetOutcome) => string[]): string[] {
  const lines = targets.flatMap((target) => pick(target).map((text) => `- ${titleOf(target.name)}: ${text}`));
  return lines.length === 0 ? [] : ['', `${heading}:`, '', ...lines];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, at) => Math.max(title.length, 3, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
