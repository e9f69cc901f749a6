import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Pipe } from './pipe.ts';

type Direction = 'up' | 'down' | 'both';

/** A port that leads to another one, over connections that can be cut, delayed and held. */
export class Link {
  private readonly pipes = new Set<{ up: Pipe; down: Pipe; client: Socket; server: Socket }>();
  private delayMs = 0;
  private held: readonly ('up' | 'down')[] = [];

  private constructor(
    private readonly listener: Server,
    readonly port: number,
  ) {}

  /** Opens a free port of 127.0.0.1 that leads to `targetPort`. */
  static async open(targetPort: number): Promise<Link> {
    const listener = createServer({ noDelay: true, pauseOnConnect: true });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('the link has no port');
    const link = new Link(listener, address.port);
    listener.on('connection', (client) => link.join(client, targetPort));
    return link;
  }

  /** Ends every connection, without a goodbye. New ones are taken at once. */
  cut(): void {
    for (const { client, server } of this.pipes) {
      for (const socket of [client, server]) {
        // One that is ending already cannot be reset: Node would keep its handle for ever.
        if (socket.writableEnded) socket.destroy();
        else socket.resetAndDestroy();
      }
    }
  }

  /** Has all bytes arrive this much later, both ways; 0 ends it. */
  delay(ms: number): void {
    this.delayMs = ms;
    this.settle();
  }

  /** Lets nothing pass any more, and nobody notices: new connections open, and carry nothing either. */
  hold(direction: Direction): void {
    this.held = direction === 'both' ? ['up', 'down'] : [direction];
    this.settle();
  }

  /** Lets everything pass again. */
  release(): void {
    this.held = [];
    this.settle();
  }

  async close(): Promise<void> {
    this.listener.close();
    this.cut();
    await once(this.listener, 'close');
  }

  private join(client: Socket, targetPort: number): void {
    const server = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    const pair = { up: new Pipe(client, server), down: new Pipe(server, client), client, server };
    this.pipes.add(pair);
    client.once('close', () => this.pipes.delete(pair));
    this.settle();
  }

  private settle(): void {
    for (const pair of this.pipes) {
      for (const way of ['up', 'down'] as const)
        pair[way].set({ delayMs: this.delayMs, held: this.held.includes(way) });
    }
  }
}
