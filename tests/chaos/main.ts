import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import ms, { type StringValue } from 'ms';
import { reportData, reportText } from './report.ts';
import { runChaos } from './run-chaos.ts';

const wholeNumber = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
};
const time = (text: string): number => {
  const isTime = (value: string): value is StringValue => /^\d+(ms|s|m|h)$/.test(value);
  if (!isTime(text)) throw new InvalidArgumentError('expected a time such as 90s or 10m');
  return ms(text);
};

const timeOption = (flags: string, description: string) => new Option(flags, description).argParser(time);

/** A time as it has to be typed; `ms` would round it. */
const inFull = (milliseconds: number): string =>
  milliseconds % 60_000 === 0 ? `${milliseconds / 60_000}m` : `${milliseconds}ms`;

const options = new Command('npm run chaos --')
  .description('Runs the platform on engines of its own, breaks it as a seed has it, and accounts for every reading.')
  .option('--seed <number>', 'which faults, and when; drawn if left out', wholeNumber)
  .addOption(timeOption('--duration <time>', 'for how long things are broken at least').default(ms('2m'), '2m'))
  .option('--readings <number>', 'how many readings are sent in that time', wholeNumber, 60_000)
  .addOption(timeOption('--pause <time>', 'the longest time without a new fault').default(ms('4s'), '4s'))
  .option('--cluster', 'on a Redis Cluster of three masters instead of one Redis', false)
  .option('--report <path>', 'write a report to <path>.md and <path>.json')
  .showHelpAfterError()
  .parse()
  .opts<{ seed?: number; duration: number; readings: number; pause: number; cluster: boolean; report?: string }>();

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const { seed = randomInt(1, 1_000_000), duration, readings, pause, cluster, report } = options;
const command = `npm run chaos -- --seed ${seed} --duration ${inFull(duration)} --readings ${readings} --pause ${inFull(pause)}${cluster ? ' --cluster' : ''}`;
const logFolder = mkdtempSync(join(tmpdir(), 'motience-chaos-'));
console.log(`${command}\nlogs in ${logFolder}`);
const result = await runChaos({
  seed,
  cluster,
  durationMs: duration,
  readings,
  pauseMs: pause,
  logFolder,
  onProgress: (text) => console.log(text),
});
const frame = { command, seed, durationMs: duration };
console.log(reportText(frame, result));
if (report !== undefined) {
  writeFileSync(`${report}.md`, reportText(frame, result));
  writeFileSync(`${report}.json`, `${JSON.stringify(reportData(frame, result), null, 2)}\n`);
}
if (result.findings.length === 0) {
  rmSync(logFolder, { recursive: true });
} else {
  console.log(`Run it again with: ${command}\nlogs in ${logFolder}`);
  process.exitCode = 1;
}
