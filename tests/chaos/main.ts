import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import ms, { type StringValue } from 'ms';
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

const { seed, duration, readings, pause } = new Command('npm run chaos --')
  .description('Runs the platform on engines of its own, breaks it as a seed has it, and accounts for every reading.')
  .option('--seed <number>', 'which faults, and when; drawn if left out', wholeNumber, randomInt(1, 1_000_000))
  .option('--duration <time>', 'for how long things are broken', time, ms('2m'))
  .option('--readings <number>', 'how many readings are sent meanwhile', wholeNumber, 60_000)
  .option('--pause <time>', 'the longest time without a new fault', time, ms('4s'))
  .showHelpAfterError()
  .parse()
  .opts<{ seed: number; duration: number; readings: number; pause: number }>();

const logFolder = mkdtempSync(join(tmpdir(), 'motience-chaos-'));
console.log(`seed ${seed}, ${readings} readings, ${ms(duration)}; logs in ${logFolder}`);
const { verdict, findings } = await runChaos({
  seed,
  durationMs: duration,
  readings,
  pauseMs: pause,
  logFolder,
  onProgress: (text) => console.log(text),
});
console.log(JSON.stringify(verdict, null, 2));
if (findings.length === 0) {
  rmSync(logFolder, { recursive: true });
  console.log('all promises were kept');
} else {
  console.log(`seed ${seed}:\n${findings.map((finding) => `- ${finding}`).join('\n')}\nlogs in ${logFolder}`);
  process.exitCode = 1;
}
