import { connect, type Socket } from 'node:net';
import { clientFrame, opcodes } from './frames.ts';
import type { Endpoint } from './plan.ts';
import { endOfHeader, upgradeRequest } from './upgrade.ts';

const openTimeoutMs = 60_000;

/** A WebSocket of which only the bytes are counted that come over it. */
export class Listener {
  bytes = 0;
  private constructor(private readonly socket: Socket) {}

  /** Resolves once the server has answered what the endpoint says first. */
  static async open(endpoint: Endpoint, onTrouble: (why: string) => void): Promise<Listener> {
    const socket = connect({ host: '127.0.0.1', port: endpoint.port, noDelay: true });
    const listener = new Listener(socket);
    let header: Buffer | undefined = Buffer.alloc(0);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('not ready in time')), openTimeoutMs);
      socket.once('connect', () => socket.write(upgradeRequest(endpoint)));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection ended')));
      socket.on('data', (bytes) => {
        if (header === undefined) {
          listener.bytes += bytes.length;
          clearTimeout(timer);
          resolve();
          return;
        }
        header = Buffer.concat([header, bytes]);
        if (!header.includes(endOfHeader)) return;
        const [status = ''] = header.toString('latin1').split('\r\n', 1);
        if (!status.startsWith('HTTP/1.1 101')) reject(new Error(`the upgrade was answered with ${status}`));
        header = undefined;
        for (const text of endpoint.hello ?? []) socket.write(clientFrame(opcodes.text, Buffer.from(text)));
      });
    }).catch((error: unknown) => {
      socket.destroy();
      throw error;
    });
    socket.on('error', ({ message }) => onTrouble(message));
    socket.on('close', () => onTrouble('the connection ended'));
    return listener;
  }

  end(): void {
    this.socket.removeAllListeners('close');
    this.socket.destroy();
  }
}
