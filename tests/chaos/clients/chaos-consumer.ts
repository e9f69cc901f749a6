import WebSocket from 'ws';
import type { ConsumerDownFrame } from '../../../packages/protocol/dist/index.js';
import type { Random } from '../random.ts';
import { readFrame } from './read-frame.ts';
import { StreamJournal } from './stream-journal.ts';

/** A position frame is due every 10 s where nothing else comes. */
const patienceMs = 15_000;

export interface ConsumerOptions {
  name: string;
  urls: [string, ...string[]];
  token: string;
  producerIds: readonly string[];
  /** Receive this device only; then there is one producer. */
  deviceId?: string;
  random: Random;
  /** Told each epoch of a stream when it is first heard of. */
  onEpoch: (producerId: string, epoch: string) => void;
}

interface Stream {
  journal: StreamJournal;
  position: { epoch: string; seq: number } | undefined;
}

/**
 * Receives streams over plain sockets, whatever happens to them: keeps the position of each stream and goes on from
 * there on the next socket, at a gateway picked anew. Writes down what it got.
 */
export class ChaosConsumer {
  readonly streams = new Map<string, Stream>();
  readonly complaints: string[] = [];
  /** How its sockets ended, by close code. */
  readonly ends = new Map<string, number>();
  private socket: WebSocket | undefined;
  private heardAt = 0;
  private resting = false;
  private stopped = false;

  constructor(readonly options: ConsumerOptions) {
    for (const id of options.producerIds) this.streams.set(id, { journal: new StreamJournal(), position: undefined });
  }

  /** Whether every stream has begun. */
  get subscribed(): boolean {
    return [...this.streams.values()].every(({ position }) => position !== undefined);
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      await this.connect();
      await new Promise((resolve) => setTimeout(resolve, this.options.random.int(20, 300)));
    }
  }

  /** Reads nothing for a while. */
  rest(forMs: number): void {
    this.resting = true;
    this.socket?.pause();
    setTimeout(() => {
      this.resting = false;
      this.heardAt = performance.now();
      this.socket?.resume();
    }, forMs);
  }

  stop(): void {
    this.stopped = true;
    this.socket?.terminate();
  }

  private connect(): Promise<void> {
    const { urls, token, random } = this.options;
    const socket = new WebSocket(`${random.pick(urls)}?mode=manual`, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: 4_000,
      perMessageDeflate: false,
    });
    this.socket = socket;
    this.heardAt = performance.now();
    const watch = setInterval(() => {
      if (this.resting || performance.now() - this.heardAt < patienceMs) return;
      this.count('silence');
      socket.terminate();
    }, 500);
    socket.on('open', () => {
      if (this.resting) socket.pause();
    });
    socket.on('message', (bytes: Buffer) => {
      if (this.stopped) return;
      this.heardAt = performance.now();
      this.receive(bytes, socket);
    });
    socket.on('error', () => {});
    return new Promise((resolve) => {
      socket.once('close', (code) => {
        clearInterval(watch);
        this.count(String(code));
        if (code >= 4500) this.complaints.push(`the socket was closed with ${code}`);
        resolve();
      });
    });
  }

  private receive(bytes: Buffer, socket: WebSocket): void {
    const frame = readFrame(bytes);
    if ('control' in frame) {
      this.control(frame.control, socket);
      return;
    }
    const { producerId, ...reading } = frame.reading;
    const stream = this.streams.get(producerId);
    if (!stream) {
      this.complaints.push(`a reading of producer ${producerId}, which was not asked for`);
      return;
    }
    const epoch = stream.position?.epoch ?? '';
    stream.journal.addReading({ epoch, ...reading });
    stream.position = { epoch, seq: reading.seq };
  }

  private control(frame: ConsumerDownFrame, socket: WebSocket): void {
    if (frame.type === 'welcome') {
      this.resume(socket);
      return;
    }
    if (frame.type === 'error') {
      this.count(`error ${frame.kind}`);
      return;
    }
    const stream = this.streams.get(frame.producer_id);
    if (!stream) {
      this.complaints.push(`${frame.type} of producer ${frame.producer_id}, which was not asked for`);
      return;
    }
    const { epoch } = stream.position ?? {};
    if (frame.type === 'unsubscribed') {
      this.complaints.push(`unsubscribed: ${frame.reason}`);
    } else if (frame.type === 'gap') {
      stream.journal.addControl({ kind: 'gap', epoch: frame.epoch, from: frame.from, to: frame.to });
      if (frame.epoch === epoch) stream.position = { epoch: frame.epoch, seq: frame.to };
    } else {
      const position = { epoch: frame.epoch, seq: frame.seq };
      if (frame.type === 'position') stream.journal.addControl({ kind: 'position', ...position });
      else stream.journal.addControl({ kind: 'subscribed', ...position, recovered: frame.recovered });
      stream.position = position;
      if (epoch !== frame.epoch) this.options.onEpoch(frame.producer_id, frame.epoch);
    }
  }

  /** Asks for every stream from where it stands. */
  private resume(socket: WebSocket): void {
    for (const [producer_id, { position }] of this.streams) {
      const from = position && { epoch: position.epoch, after: position.seq };
      const narrowing = this.options.deviceId && { device_id: this.options.deviceId };
      socket.send(JSON.stringify({ type: 'subscribe', producer_id, ...narrowing, ...from }));
    }
  }

  private count(end: string): void {
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
  }
}
