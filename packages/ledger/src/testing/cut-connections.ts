import { connect, createServer, type Socket } from 'node:net';
import postgres from 'postgres';

export interface Relay {
  /** The database, by way of the relay. */
  readonly url: string;
  /**
   * From now on, has the server end the connection (`pg_terminate_backend`) when the `nth` piece of that direction comes
   * by on the last connection that was opened, before it is passed on: a request that is never heard, or one that was
   * carried out and whose reply is lost.
   */
  cutAt(direction: 'request' | 'reply', nth: number): void;
  /** Whether that has happened since it was asked for. From now on everything passes. */
  endOfCutting(): boolean;
  close(): Promise<void>;
}

/** Relays the connections of a test to its database, and has them end between any two statements. */
export async function relayTo(databaseUrl: string): Promise<Relay> {
  const admin = postgres(databaseUrl, { max: 1 });
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let cut: { direction: 'request' | 'reply'; left: number } | undefined;
  let happened = false;
  /** Those before it may still be saying goodbye. */
  let lastOpened: Socket | undefined;

  async function pass(direction: 'request' | 'reply', piece: Buffer, to: Socket, upstream: Socket): Promise<void> {
    if (cut?.direction === direction && upstream === lastOpened) {
      cut.left -= 1;
      if (cut.left === 0) {
        cut = undefined;
        happened = true;
        await admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity where client_port = ${upstream.localPort ?? 0}`;
        to.destroy();
        return;
      }
    }
    if (!to.destroyed) to.write(piece);
  }

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    lastOpened = upstream;
    for (const [socket, other, direction] of [
      [client, upstream, 'request'],
      [upstream, client, 'reply'],
    ] as const) {
      sockets.add(socket);
      let passed = Promise.resolve();
      socket.on('data', (piece) => {
        passed = passed.then(() => pass(direction, piece, other, upstream));
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        passed = passed.then(() => void other.destroy());
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' ? address?.port : '');
  return {
    url: url.href,
    cutAt(direction, nth) {
      happened = false;
      cut = { direction, left: nth };
    },
    endOfCutting() {
      cut = undefined;
      return happened;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await admin.end({ timeout: 5 });
    },
  };
}
