import { listText, readCommandLine } from './command-line.ts';
import { currentLoad } from './report/machine.ts';
import { outcomeText } from './report/outcome-text.ts';
import { keepOutcome, writePage } from './report/write-page.ts';
import { runScenario } from './run-scenario.ts';
import { raisedLimits } from './targets/motience.ts';

/** Above it, others take a part of the machine that shows in the figures. */
const quietLoad = 1;

const args = process.argv.slice(2);
const wishes = readCommandLine(args);
if (wishes.list) {
  console.log(listText());
  process.exit();
}

/** From the terminal one Ctrl-C can reach us twice: directly, and passed on by npm. */
const sameRequestMs = 500;
let stopRequestedAt: number | undefined;
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Whatever is left ends with this process.
    if (stopRequestedAt !== undefined && performance.now() - stopRequestedAt > sameRequestMs) process.exit(130);
    if (stopRequestedAt !== undefined) return;
    stopRequestedAt = performance.now();
    console.log('\nStopping …');
    stopping.abort();
  });
}

const say = (text: string) => console.log(text);
const targets = wishes.targets.filter((target) => {
  const missing = target.missing();
  if (missing !== undefined) say(`${target.title}: ${missing}`);
  return missing === undefined;
});
say(
  `Limits raised: ${Object.entries(raisedLimits)
    .map((pair) => pair.join('='))
    .join(', ')}. Accounts are put straight into PostgreSQL.`,
);
if (currentLoad() > quietLoad)
  say(`The machine is busy (load ${currentLoad().toFixed(2)}): figures will be lower and spread more.`);

let isWhole = true;
try {
  for (const scenario of wishes.scenarios) {
    const able = targets.filter(({ name, onlyWhereNamed }) => scenario.targets?.includes(name) ?? !onlyWhereNamed);
    if (able.length === 0) continue;
    const outcome = await runScenario(scenario, able, {
      runs: wishes.runs,
      quick: wishes.quick,
      command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
      say,
      signal: stopping.signal,
    });
    // What peers lose is a figure; what we lose is a failure.
    const ours = outcome.targets.filter(({ name }) => name.startsWith('motience'));
    isWhole &&= ours.every(({ lost, troubles }) => lost === 0 && troubles.length === 0);
    say(`\n${scenario.title}\n\n${outcomeText(scenario, outcome)}\n`);
    if (wishes.out !== undefined) {
      await keepOutcome(wishes.out, scenario, outcome);
      await writePage(wishes.out);
    }
  }
  process.exitCode = isWhole ? 0 : 1;
} catch (error) {
  if (!stopping.signal.aborted) throw error;
  process.exitCode = 130;
}
