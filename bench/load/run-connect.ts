import { openAll } from './connection.ts';
import type { Parent } from './parent.ts';
import type { ConnectPlan, ConnectResult } from './plan.ts';

/** Opens the sockets and holds them until the parent has looked. */
export async function runConnect(plan: ConnectPlan, { mark, pause }: Parent): Promise<ConnectResult> {
  await pause('before');
  mark('begin');
  const start = performance.now();
  const connections = await openAll(plan.endpoints, plan.atOnce);
  const seconds = (performance.now() - start) / 1_000;
  mark('end');
  const troubles: string[] = [];
  for (const connection of connections) connection.onTrouble = (why) => troubles.push(why);
  await pause('open');
  for (const connection of connections) connection.end();
  return { kind: 'connect', opened: connections.length, seconds, troubles: troubles.slice(0, 5) };
}
