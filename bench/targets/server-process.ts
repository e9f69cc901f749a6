import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { end } from '../processes/end-process.ts';

const listeningSchema = z.object({ type: z.literal('listening'), port: z.int() });

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** Runs `bench/servers/<name>.ts` as a process of its own, which ends with this one at the latest. */
export async function startServer(name: string, environment: Record<string, string>): Promise<ServerProcess> {
  const child = fork(fileURLToPath(new URL(`../servers/${name}.ts`, import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(listeningSchema.parse(message).port));
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it listened`)));
  });
  return { pid: child.pid ?? 0, port, stop: () => end(child, 'SIGKILL') };
}
