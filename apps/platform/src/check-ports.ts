import { createServer, type Server } from 'node:net';
import { CannotListen, listenError } from '@motience/service-kit';

/**
 * Throws an error that names every port that cannot be listened on, with its variable, one a line; also where two variables
 * name the same one. Asked before anything is started, so that the answer comes at once.
 */
export async function checkPorts(host: string, ports: ReadonlyMap<string, number>): Promise<void> {
  const held: Server[] = [];
  const refused: CannotListen[] = [];
  try {
    for (const [variable, port] of ports) {
      if (port === 0) continue;
      const server = await listen(host, port, variable);
      if (server instanceof CannotListen) refused.push(server);
      else held.push(server);
    }
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
  if (refused.length > 0) throw new AggregateError(refused, refused.map(({ message }) => message).join('\n'));
}

function listen(host: string, port: number, variable: string): Promise<Server | CannotListen> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause) => {
      const error = listenError(cause, host, port, variable);
      if (error instanceof CannotListen) resolve(error);
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}
