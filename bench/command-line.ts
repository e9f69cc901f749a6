import { Command, InvalidArgumentError } from 'commander';
import { scenarios } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { targets } from './targets/index.ts';
import type { Target } from './targets/target.ts';

/** What the command line asks for. */
export interface Wishes {
  scenarios: readonly Scenario[];
  targets: readonly Target[];
  runs: number;
  quick: boolean;
  list: boolean;
  /** Where results go; nowhere if undefined. */
  out: string | undefined;
}

const quickRuns = 1;
const usualRuns = 3;

/** Reads the command line; prints help or what is wrong with it and ends the process where that is called for. */
export function readCommandLine(args: readonly string[]): Wishes {
  const options = new Command('npm run bench --')
    .description('Measures the platform and its peers side by side on this machine, and writes bench/RESULTS.md.')
    .option('--only <names>', 'these figures and targets only, with commas between; see --list', names)
    .option('--quick', 'shows in seconds that it works; the figures mean little and are not written', false)
    .option('--runs <number>', `how often each is measured (default: ${usualRuns}, quick: ${quickRuns})`, wholeNumber)
    .option('--out <folder>', 'where RESULTS.md and results/ go', 'bench')
    .option('--list', 'tells which figures and targets there are', false)
    .allowExcessArguments(false)
    .showHelpAfterError()
    .parse([...args], { from: 'user' })
    .opts<{ only?: string[]; quick: boolean; runs?: number; out: string; list: boolean }>();
  const { quick, list, out } = options;
  return {
    scenarios: named(scenarios, options.only),
    targets: named(targets, options.only),
    runs: options.runs ?? (quick ? quickRuns : usualRuns),
    quick,
    list,
    out: quick ? undefined : out,
  };
}

/** What there is, for the reader. */
export function listText(): string {
  return [
    'Figures:',
    ...scenarios.map(({ name, title }) => `  ${name.padEnd(20)} ${title}`),
    'Targets:',
    ...targets.map((target) => `  ${target.name.padEnd(20)} ${target.missing() ?? target.about}`),
  ].join('\n');
}

/** Those that were named; all of a kind if none of it was. */
function named<T extends { name: string }>(all: readonly T[], only: readonly string[] | undefined): readonly T[] {
  const chosen = all.filter(({ name }) => only?.includes(name));
  return chosen.length === 0 ? all : chosen;
}

function names(text: string): string[] {
  const known = [...scenarios, ...targets].map(({ name }) => name);
  const asked = text.split(',').map((name) => name.trim());
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`expected some of ${known.join(', ')}`);
  return asked;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('expected a number from 1 to 999');
  return Number(text);
}
