import type { Figure, Scenario } from '../scenarios/scenario.ts';
import { targets, yardstick } from '../targets/index.ts';
import { inWords, ratio, summarize } from './numbers.ts';
import type { Outcome, TargetOutcome } from './outcome.ts';

/** A scenario's outcome as Markdown: figures with ratios, what was lost, and who was busy. */
export function outcomeText(scenario: Scenario, outcome: Outcome): string {
  const base = outcome.targets.find(({ name }) => name === yardstick.name);
  const { figures } = scenario;
  const header = ['', ...figures.flatMap(({ title }) => [title, 'spread', `vs ${yardstick.title}`]), 'lost'];
  const rows = outcome.targets.map((target) => [
    titleOf(target.name),
    ...figures.flatMap((figure) => cells(figure, target, base)),
    target.lost === 0 ? 'nothing' : inWords(target.lost, { decimals: 0 }),
  ]);
  return [
    `${scenario.about} Median of ${outcome.runs} ${outcome.runs === 1 ? 'run' : 'runs'}.`,
    '',
    table(header, rows),
    '',
    'Cores that were busy meanwhile:',
    '',
    table(
      ['', 'cores'],
      outcome.targets.map((target) => [titleOf(target.name), busyParts(target)]),
    ),
    ...troublesOf(outcome),
  ].join('\n');
}

export function titleOf(name: string): string {
  return targets.find((target) => target.name === name)?.title ?? name;
}

function cells(figure: Figure, target: TargetOutcome, base: TargetOutcome | undefined): string[] {
  const summary = summarize(target.values[figure.key]);
  if (!summary) return ['–', '', ''];
  const baseline = summarize(base?.values[figure.key])?.median;
  return [
    inWords(summary.median, figure),
    `${inWords(summary.min, figure)} – ${inWords(summary.max, figure)}`,
    ratio(summary.median, baseline),
  ];
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

function troublesOf(outcome: Outcome): string[] {
  const troubles = outcome.targets.flatMap(({ name, troubles }) =>
    troubles.map((text) => `- ${titleOf(name)}: ${text}`),
  );
  return troubles.length === 0 ? [] : ['', 'Not as it should be:', '', ...troubles];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, at) => Math.max(title.length, 3, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
