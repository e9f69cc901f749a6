import { currentLoad, describeCommit, describeMachine } from './report/machine.ts';
import { inWords, summarize } from './report/numbers.ts';
import type { Outcome } from './report/outcome.ts';
import type { Measurement, MeasureOptions, Scenario } from './scenarios/scenario.ts';
import type { RunningTarget, Target } from './targets/target.ts';

export interface RunOptions extends MeasureOptions {
  runs: number;
  /** What was typed. */
  command: string;
  /** Told in words what is going on. */
  say: (text: string) => void;
}

/** Of a target, of each kind. */
const mostRemarks = 5;

/** Starts the targets, measures them in turns, and stops them, also when it is aborted. */
export async function runScenario(
  scenario: Scenario,
  targets: readonly Target[],
  options: RunOptions,
): Promise<Outcome> {
  const { runs, command, say, signal, quick } = options;
  const loadBefore = currentLoad();
  const running: RunningTarget[] = [];
  const measured = new Map<string, Measurement[]>();
  try {
    for (const target of targets) {
      say(`${scenario.name}: starting ${target.title}`);
      running.push(await target.start({ market: scenario.market(quick), say }));
      signal.throwIfAborted();
    }
    for (let run = 1; run <= runs; run += 1) {
      for (const target of running) {
        const measurement = await measureOnce(scenario, target, options);
        measured.set(target.name, [...(measured.get(target.name) ?? []), measurement]);
        say(`${scenario.name}: run ${run} of ${runs}, ${target.name}: ${measurementText(scenario, measurement)}`);
      }
    }
  } finally {
    await Promise.all(running.map((target) => target.stop()));
  }
  return {
    scenario: scenario.name,
    at: new Date().toISOString(),
    command,
    commit: describeCommit(),
    machine: describeMachine(),
    loadBefore,
    runs,
    targets: [...measured].map(([name, measurements]) => ({ name, ...combine(measurements) })),
  };
}

/** A target that fails has no figures; the others go on. */
async function measureOnce(scenario: Scenario, target: RunningTarget, options: RunOptions): Promise<Measurement> {
  try {
    const measurement = await scenario.measure(target, options);
    await target.settle();
    return measurement;
  } catch (error) {
    options.signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    return { values: {}, lost: 0, troubles: [`failed: ${why}`], cores: new Map() };
  }
}

function combine(measurements: readonly Measurement[]) {
  const values: Record<string, number[]> = {};
  const shares = new Map<string, number[]>();
  for (const measurement of measurements) {
    for (const [key, value] of Object.entries(measurement.values)) values[key] = [...(values[key] ?? []), value];
    for (const [part, share] of measurement.cores) shares.set(part, [...(shares.get(part) ?? []), share]);
  }
  return {
    values,
    lost: measurements.reduce((sum, { lost }) => sum + lost, 0),
    troubles: remarks(measurements.flatMap(({ troubles }) => troubles)),
    notes: remarks(measurements.flatMap(({ notes = [] }) => notes)),
    cores: Object.fromEntries([...shares].map(([part, all]) => [part, summarize(all)?.median ?? 0])),
  };
}

const remarks = (all: readonly string[]): string[] => [...new Set(all)].slice(0, mostRemarks);

function measurementText({ figures }: Scenario, { values, lost, troubles, notes = [] }: Measurement): string {
  const parts = figures.flatMap((figure) => {
    const value = values[figure.key];
    return value === undefined ? [] : [`${figure.title} ${inWords(value, figure)}`];
  });
  return [...parts, lost === 0 ? 'nothing lost' : `${lost} LOST`, ...troubles, ...notes].join('; ');
}
