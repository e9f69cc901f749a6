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
  'every acknowledged reading is stored, delivered and paid for once and in order, whatever breaks, on $on (seed $seed)',
  async ({ cluster, seed, seconds, readings }) => {
    const logFolder = await mkdtemp(join(tmpdir(), 'motience-chaos-'));
    const options = { seed, cluster, durationMs: seconds * 1_000, readings, pauseMs: 3_000 };
    const { findings, verdict, buyers, reconciled } = await runChaos({ ...options, logFolder });
    const again = `--seed ${seed} --duration ${seconds}s --readings ${readings} --pause 3s${cluster ? ' --cluster' : ''}`;
    expect(findings, `npm run chaos -- ${again}; logs in ${logFolder}`).toEqual([]);
    expect(verdict.acknowledged).toBe(readings);
    // A Redis that a stream is in was killed at least once.
    expect(verdict.epochs).toBeGreaterThan(3);
    // Money ran out, subscriptions ended, and the books agreed in between as well.
    const named = (name: string) => buyers.find((buyer) => buyer.name === name);
    expect(named('runs-dry')?.stops).toBeGreaterThan(0);
    expect(named('leaves')?.subscriptions).toBeGreaterThan(2);
    expect(reconciled).toBeGreaterThan(1);
    await rm(logFolder, { recursive: true });
  },
  300_000,
);
