import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { checkPorts } from './check-ports.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function takePort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return z.object({ port: z.int() }).parse(server.address()).port;
}

async function freePort(): Promise<number> {
  const port = await takePort();
  const server = servers.pop();
  await new Promise((resolve) => server?.close(resolve));
  return port;
}

test('every port that is taken is named at once, each with its variable on a line of its own', async () => {
  const [first, free, second] = [await takePort(), await freePort(), await takePort()];
  const ports = new Map([
    ['AP_PORT', first],
    ['SM_PORT', free],
    ['ANY_PORT', 0],
    ['WSS1_PORT', second],
  ]);
  await expect(checkPorts('127.0.0.1', ports)).rejects.toThrow(
    new RegExp(
      `^port ${first} on 127.0.0.1 is in use; set AP_PORT to another one\nport ${second} on 127.0.0.1 is in use; set WSS1_PORT to another one$`,
    ),
  );
});

test('a port that two variables name is told of the second, and all are let go of', async () => {
  const port = await freePort();
  const twice = new Map([
    ['AP_PORT', port],
    ['SM_PORT', port],
  ]);
  await expect(checkPorts('127.0.0.1', twice)).rejects.toThrow(/^port \d+ on 127.0.0.1 is in use; set SM_PORT [^\n]*$/);
  await checkPorts('127.0.0.1', new Map([['AP_PORT', port]]));
});
