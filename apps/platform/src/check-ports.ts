import { createServer, type Server } from 'node:net';
import { listenError } from '@motience/service-kit';

/**
 * Throws `CannotListen`, which names port and variable, for the first port that cannot be listened on, also when two
 * variables name the same one. Asked before anything is started, so that the answer comes at once.
 */
export async function checkPorts(host: string, ports: ReadonlyMap<string, number>): Promise<void> {
  const held: Server[] = [];
  try {
    for (const [variable, port] of ports) {
      if (port === 0) continue;
      held.push(await listen(host, port, variable));
    }
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function listen(host: string, port: number, variable: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => reject(listenError(error, host, port, variable)));
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}
