import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below what systems hand out for outgoing connections, one of which could take the port while its owner restarts. */
const firstPort = 15_000;
const portCount = 17_000;
const mostAttempts = 100;

/** A TCP port of 127.0.0.1 that is free now; by the time it is used another process may have taken it. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const port = firstPort + randomInt(portCount);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`found no free port from ${firstPort} to ${firstPort + portCount}`);
}

/** Whether `port` of 127.0.0.1 can be listened on now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
