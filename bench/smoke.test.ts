import { expect, it, vi } from 'vitest';
import { descendants } from './processes/look-at-processes.ts';
import { runScenario } from './run-scenario.ts';
import { oneToOne } from './scenarios/throughput.ts';
import { motience } from './targets/motience.ts';
import { bareRelay } from './targets/peers.ts';

it('measures the platform and a peer, loses nothing, and leaves no process behind', { timeout: 120_000 }, async () => {
  const said: string[] = [];
  const outcome = await runScenario(oneToOne, [motience, bareRelay], {
    runs: 1,
    quick: true,
    command: 'a test',
    say: (text) => said.push(text),
    signal: new AbortController().signal,
  });
  expect(outcome.targets.map(({ name, lost, troubles }) => ({ name, lost, troubles }))).toEqual([
    { name: 'motience', lost: 0, troubles: [] },
    { name: 'bare-relay', lost: 0, troubles: [] },
  ]);
  for (const { values } of outcome.targets) expect(values.rate).toHaveLength(1);
  expect(said.at(-1)).toMatch(/run 1 of 1, bare-relay: readings\/s [\d,]+; CPU [\d.]+; nothing lost/);
  await vi.waitFor(() => expect(descendants(process.pid).map(({ command }) => command)).toEqual([]), 30_000);
});
