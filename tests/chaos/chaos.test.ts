import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runChaos } from './run-chaos.ts';

const runs = [
  { on: 'one Redis', cluster: false, seed: 1, seconds: 90, readings: 27_000 },
  { on: 'a Redis Cluster', cluster: true, seed: 2, seconds: 45, readings: 13_500 },
];

it.each(runs)(
  'every acknowledged reading is stored and delivered once and in order, whatever breaks, on $on (seed $seed)',
  async ({ cluster, seed, seconds, readings }) => {
    const logFolder = await mkdtemp(join(tmpdir(), 'motience-chaos-'));
    const options = { seed, cluster, durationMs: seconds * 1_000, readings, pauseMs: 3_000 };
    const { findings, verdict } = await runChaos({ ...options, logFolder });
    const again = `--seed ${seed} --duration ${seconds}s --readings ${readings} --pause 3s${cluster ? ' --cluster' : ''}`;
    expect(findings, `npm run chaos -- ${again}; logs in ${logFolder}`).toEqual([]);
    expect(verdict.acknowledged).toBe(readings);
    // A Redis that a stream is in was killed at least once.
    expect(verdict.epochs).toBeGreaterThan(3);
    await rm(logFolder, { recursive: true });
  },
  300_000,
);
