import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scenarios } from '../scenarios/index.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { targets } from '../targets/index.ts';
import { raisedLimits } from '../targets/motience.ts';
import { barChart } from './chart.ts';
import { inWords, summarize } from './numbers.ts';
import { type Outcome, outcomeSchema } from './outcome.ts';
import { outcomeText, titleOf } from './outcome-text.ts';

/** Keeps an outcome and its chart in `folder`, in the place of the scenario's former ones. */
export async function keepOutcome(folder: string, scenario: Scenario, outcome: Outcome): Promise<void> {
  const results = join(folder, 'results');
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${scenario.name}.json`), `${JSON.stringify(outcome, null, 2)}\n`);
  await writeFile(join(results, `${scenario.name}.svg`), chartOf(scenario, outcome));
}

/** Writes `RESULTS.md` from all outcomes that are kept, of whichever run. */
export async function writePage(folder: string): Promise<void> {
  const parts: string[] = [];
  for (const scenario of scenarios) {
    const text = await readFile(join(folder, 'results', `${scenario.name}.json`), 'utf8').catch(() => undefined);
    if (text !== undefined) parts.push(section(scenario, outcomeSchema.parse(JSON.parse(text))));
  }
  await writeFile(join(folder, 'RESULTS.md'), [introduction(), ...parts].join('\n'));
}

function introduction(): string {
  const limits = Object.entries(raisedLimits).map(([name, value]) => `\`${name}=${value}\``);
  return [
    '# Measured side by side',
    '',
    'Written by `npm run bench`. Everything runs on one machine, one target after another, in turns, with the same load',
    'generator: raw TCP sockets that write and count WebSocket frames, one reading of 200 bytes in each, and parse none.',
    'Absolute figures move from machine to machine; the ratios are what to hold.',
    '',
    ...targets.map(({ title, about }) => `- **${title}**: ${about}.`),
    '',
    `Motience runs as \`npm start\` runs it, with accounts put straight into its database and these limits raised: ${limits.join(', ')}.`,
    '',
  ].join('\n');
}

function section(scenario: Scenario, outcome: Outcome): string {
  const machine = outcome.machine.map(([what, value]) => `${what} ${value}`).join(' · ');
  return [
    `## ${scenario.title}`,
    '',
    `![${scenario.title}](results/${scenario.name}.svg)`,
    '',
    outcomeText(scenario, outcome),
    '',
    `<sub>${outcome.at}, \`${outcome.command}\`, commit ${outcome.commit}; load of the machine before: ${outcome.loadBefore.toFixed(2)}. ${machine}</sub>`,
    '',
  ].join('\n');
}

function chartOf(scenario: Scenario, outcome: Outcome): string {
  const [figure] = scenario.figures;
  const bars = outcome.targets.flatMap((target) => {
    const summary = summarize(target.values[figure.key]);
    if (!summary) return [];
    const text = `${inWords(summary.median, figure)} ${figure.unit}`;
    return [{ label: titleOf(target.name), value: summary.median, text, isOurs: target.name.startsWith('motience') }];
  });
  return barChart(`${scenario.title}: ${figure.title}`, bars);
}
