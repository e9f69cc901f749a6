import { vi } from 'vitest';
import { WebSocket } from 'ws';

export interface SocketOptions {
  token?: string;
  /** Where the token travels. */
  by?: 'header' | 'query' | 'subprotocol';
  /** Further query, without the question mark. */
  query?: string;
  headers?: Record<string, string>;
  rejectUnauthorized?: boolean;
}

/** A client's socket that remembers every frame it got and how it was closed. */
export class TestSocket {
  /** The text frames received so far, as they were sent. */
  readonly texts: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (bytes: Buffer) => this.texts.push(bytes.toString()));
    ws.on('error', () => {});
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Opens a socket; rejects if the server answers with plain HTTP. */
  static async open(url: string, options: SocketOptions = {}): Promise<TestSocket> {
    const { token, by = 'header', query, headers = {}, ...rest } = options;
    const target = new URL(url);
    target.search = query ?? '';
    const protocols: string[] = [];
    const sent = { ...headers };
    if (token !== undefined) {
      if (by === 'query') target.searchParams.set('token', token);
      else if (by === 'subprotocol') protocols.push('motience.v1', `bearer.${token}`);
      else sent.authorization = `Bearer ${token}`;
    }
    const socket = new TestSocket(new WebSocket(target, protocols, { headers: sent, maxPayload: 0, ...rest }));
    await new Promise<void>((resolve, reject) => {
      socket.ws.once('open', () => resolve());
      socket.ws.once('error', reject);
    });
    return socket;
  }

  get frames(): Record<string, unknown>[] {
    return this.texts.map((text) => JSON.parse(text));
  }

  /** Without positions, which come by the clock. */
  get framesButPositions(): Record<string, unknown>[] {
    return this.frames.filter(({ type }) => type !== 'position');
  }

  /** Those of its frames that carry this `type`; a reading carries none. */
  ofType(type: string | undefined): Record<string, unknown>[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  get readings(): Record<string, unknown>[] {
    return this.ofType(undefined);
  }

  /** The last acknowledged reading; 0 before the first. */
  get acknowledged(): number {
    const ack = this.texts.findLast((text) => text.startsWith('{"type":"ack"'));
    return ack === undefined ? 0 : Number(JSON.parse(ack).through);
  }

  /** Sends a text as it is, and anything else as JSON. */
  send(frame: unknown): void {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  close(): void {
    this.ws.terminate();
  }
}

/** Resolves once `condition` no longer throws; rejects with what it threw last when that takes too long. */
export function eventually<T>(condition: () => T | Promise<T>, timeout = 30_000): Promise<T> {
  return vi.waitFor(condition, { timeout, interval: 10 });
}
