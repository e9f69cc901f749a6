import { type ChildProcess, fork } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { services } from '../../apps/platform/dist/services.js';
import { end } from '../processes/end-process.ts';

/** What there can be several of, and the variable with its port. */
const portVariables = {
  'producer-gateway': 'WSS1_PORT',
  'consumer-gateway': 'WSS2_PORT',
  'data-stream-manager': 'DSM_PORT',
} as const;
export type FurtherService = keyof typeof portVariables;

export interface RunningService {
  service: FurtherService;
  port: string;
  stop(): Promise<void>;
}

const listeningSchema = z.object({ type: z.literal('listening'), port: z.int() });
const endWithParent = fileURLToPath(new URL('../../apps/platform/dist/end-with-parent.js', import.meta.url));

/** Starts one more of a service beside those of the platform; resolves once it listens. */
export async function startFurther(
  service: FurtherService,
  environment: NodeJS.ProcessEnv,
  logFolder: string,
): Promise<RunningService> {
  const child = fork(fileURLToPath(new URL(`../../apps/${service}/dist/main.js`, import.meta.url)), {
    execArgv: [...(services.find(({ name }) => name === service)?.nodeArgs ?? []), '--import', endWithParent],
    env: { ...environment, [portVariables[service]]: '0' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const log = createWriteStream(join(logFolder, `further-${service}.log`));
  for (const stream of [child.stdout, child.stderr]) stream?.pipe(log, { end: false });
  const stop = () => end(child, 'SIGTERM');
  try {
    return { service, port: String(await portOf(child)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a further service ended with ${code}`)));
    child.on('message', (message) => {
      const told = listeningSchema.safeParse(message);
      if (told.success) resolve(told.data.port);
    });
  });
}
