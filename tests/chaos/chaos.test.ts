import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runChaos } from './run-chaos.ts';

const minute = 60_000;
const seed = 1;

it(
  `every acknowledged reading is stored and delivered once, in order, over two minutes of faults (seed ${seed})`,
  async () => {
    const logFolder = await mkdtemp(join(tmpdir(), 'motience-chaos-'));
    const { findings, verdict } = await runChaos({
      seed,
      cluster: false,
      durationMs: 1.5 * minute,
      readings: 30_000,
      pauseMs: 3_000,
      logFolder,
    });
    expect(
      findings,
      `npm run chaos -- --seed ${seed} --duration 90s --readings 30000 --pause 3s; ${logFolder}`,
    ).toEqual([]);
    expect(verdict.acknowledged).toBe(30_000);
    // Redis was killed at least once.
    expect(verdict.epochs).toBeGreaterThan(3);
    await rm(logFolder, { recursive: true });
  },
  5 * minute,
);
