import { connect, type Socket } from 'node:net';
import type { Dialect } from './dialect.ts';
import { dialects } from './dialects.ts';
import { clientFrame, frameReader, opcodes } from './frames.ts';
import { PacketReader } from './packets.ts';
import type { Endpoint } from './plan.ts';
import { endOfHeader, upgradeRequest } from './upgrade.ts';

/** All sockets of the process are read into the same memory, one after another. */
const memory = Buffer.allocUnsafe(256 * 1024);
const openTimeoutMs = 60_000;

/** One WebSocket over a plain TCP socket. It hands on frames as ranges of bytes, and nothing is parsed here. */
export class Connection {
  /** Readings that the other end has acknowledged. */
  acknowledged = 0;
  readonly dialect: Dialect;
  /** The first `ready` frame's text, which says where streams start; empty if there was none. */
  greeting = '';
  /** A reading has come. */
  onReading: (bytes: Buffer, start: number, end: number) => void = () => {};
  /** A chunk has been read whole; bytes of its readings are still good. */
  onChunk: () => void = () => {};
  onTrouble: (why: string) => void = () => {};
  private readonly socket: Socket;
  private readonly frames = frameReader((opcode, bytes, start, end) => this.receive(opcode, bytes, start, end));
  private readonly packets: PacketReader | undefined;
  private header: Buffer | undefined = Buffer.alloc(0);
  private settleOpen: { resolve(): void; reject(error: Error): void } | undefined;
  private ended = false;
  /** What was told before a refusal, say. */
  private lastWords = '';

  private constructor(readonly endpoint: Endpoint) {
    this.dialect = dialects[endpoint.dialect];
    const { packetSize } = this.dialect;
    if (packetSize) this.packets = new PacketReader(packetSize, (bytes, start, end) => this.hear(bytes, start, end));
    this.socket = connect({
      host: '127.0.0.1',
      port: endpoint.port,
      noDelay: true,
      onread: {
        buffer: memory,
        callback: (length) => {
          this.read(memory, length);
          return true;
        },
      },
    });
    this.socket.once('connect', () => this.socket.write(upgradeRequest(endpoint)));
    this.socket.on('error', (error) => this.fail(error.message));
    this.socket.once('close', () => this.fail('the connection ended'));
  }

  /** Resolves once readings can be sent or received over it. */
  static async open(endpoint: Endpoint): Promise<Connection> {
    const connection = new Connection(endpoint);
    const timer = setTimeout(() => connection.fail('not ready in time'), openTimeoutMs);
    try {
      await new Promise<void>((resolve, reject) => {
        connection.settleOpen = { resolve, reject };
      });
      return connection;
    } catch (error) {
      connection.end();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends frames that are whole already. */
  write(frames: Buffer): void {
    this.socket.write(frames);
  }

  sendText(text: string): void {
    this.write(clientFrame(this.dialect.opcode, Buffer.from(text, 'latin1')));
  }

  /** Ends it without a goodbye. */
  end(): void {
    this.ended = true;
    this.socket.destroy();
  }

  private read(bytes: Buffer, length: number): void {
    try {
      if (this.header === undefined) this.frames.read(bytes, 0, length);
      else this.readHeader(Buffer.concat([this.header, bytes.subarray(0, length)]));
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
      return;
    }
    this.onChunk();
  }

  private readHeader(bytes: Buffer): void {
    const end = bytes.indexOf(endOfHeader);
    this.header = bytes;
    if (end === -1) return;
    const status = bytes.toString('latin1', 0, bytes.indexOf('\r\n'));
    if (!status.startsWith('HTTP/1.1 101')) throw new Error(`the upgrade was answered with ${status}`);
    this.header = undefined;
    for (const text of [...this.dialect.hello, ...(this.endpoint.hello ?? [])]) this.sendText(text);
    if (this.dialect.readyAtOpen) this.becomeReady();
    this.frames.read(bytes, end + endOfHeader.length, bytes.length);
  }

  private receive(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === opcodes.text || opcode === opcodes.binary) {
      if (this.packets) this.packets.read(bytes, start, end);
      else this.hear(bytes, start, end);
    } else if (opcode === opcodes.ping) this.write(clientFrame(opcodes.pong, bytes.subarray(start, end)));
    else if (opcode === opcodes.close) {
      const why =
        end - start >= 2 ? `${bytes.readUInt16BE(start)} ${bytes.toString('utf8', start + 2, end)}` : 'no code';
      this.fail(`closed with ${why}`);
    }
  }

  /** What a frame holds: all of it, or one of the packets in it. */
  private hear(bytes: Buffer, start: number, end: number): void {
    const kind = this.dialect.kindOf(bytes, start, end);
    if (kind === 'reading') this.onReading(bytes, start, end);
    else if (kind === 'ack') this.acknowledged = this.dialect.acknowledged(bytes, end);
    else if (kind === 'ready') this.hearReady(bytes.toString('utf8', start, end));
    else if (kind === 'ping') this.sendText(this.dialect.pong);
    else if (kind === 'trouble') {
      this.lastWords = bytes.toString('utf8', start, Math.min(end, start + 300));
      this.onTrouble(`unexpected: ${this.lastWords}`);
    }
  }

  private hearReady(text: string): void {
    // Later ones tell of positions, which the readings themselves are checked against.
    if (this.settleOpen === undefined) return;
    this.greeting = text;
    this.becomeReady();
  }

  private becomeReady(): void {
    this.settleOpen?.resolve();
    this.settleOpen = undefined;
  }

  private fail(why: string): void {
    if (this.ended) return;
    this.ended = true;
    this.socket.destroy();
    if (this.settleOpen) this.settleOpen.reject(new Error(`${why} ${this.lastWords}`.trimEnd()));
    else this.onTrouble(why);
  }
}

/** Opens them all, at most `atOnce` at a time, in order. */
export async function openAll(endpoints: readonly Endpoint[], atOnce: number): Promise<Connection[]> {
  const opened: Connection[] = [];
  let next = 0;
  const openNext = async () => {
    for (let at = next++; at < endpoints.length; at = next++) {
      const endpoint = endpoints[at];
      if (endpoint) opened[at] = await Connection.open(endpoint);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, endpoints.length) }, openNext));
  return opened;
}
