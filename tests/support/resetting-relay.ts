import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface ResettingRelay {
  /** The database, by way of the relay. */
  readonly url: string;
  /** From now on resets (RST, no goodbye) the first connection whose client sends these bytes, which are not passed on. */
  resetAt(bytes: string): void;
  /** Whether that has happened since it was asked for. */
  hasReset(): boolean;
  close(): Promise<void>;
}

/** Relays the connections of a test to its database, and resets one where the test wants it. */
export async function relayTo(databaseUrl: string): Promise<ResettingRelay> {
  const url = new URL(databaseUrl);
  const { hostname, port } = url;
  const sockets = new Set<Socket>();
  let awaited: string | undefined;
  const listener = createServer({ noDelay: true }, (client) => {
    const server = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    server.pipe(client);
    client.on('data', (piece) => {
      if (awaited !== undefined && piece.includes(awaited, 0, 'latin1')) {
        awaited = undefined;
        client.resetAndDestroy();
      } else server.write(piece);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');
  url.hostname = '127.0.0.1';
  url.port = String(address.port);
  return {
    url: url.href,
    resetAt(bytes) {
      awaited = bytes;
    },
    hasReset: () => awaited === undefined,
    async close() {
      listener.close();
      for (const socket of sockets) socket.destroy();
      await once(listener, 'close');
    },
  };
}
