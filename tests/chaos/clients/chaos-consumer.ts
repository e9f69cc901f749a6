import WebSocket from 'ws';
import type { ConsumerDownFrame } from '../../../packages/protocol/dist/index.js';
import type { Consumer, ConsumerOptions } from './consumer.ts';
import { readFrame } from './read-frame.ts';
import { StreamJournal } from './stream-journal.ts';

/** A position frame is due every 10 s where nothing else comes. */
const patienceMs = 15_000;

interface Position {
  epoch: string;
  seq: number;
}

/**
 * Receives streams over plain sockets, whatever happens to them: keeps the position of each stream and goes on from
 * there on the next socket, at a gateway picked anew. Writes down what it got.
 */
export class ChaosConsumer implements Consumer {
  readonly journals: ReadonlyMap<string, StreamJournal>;
  readonly complaints: string[] = [];
  readonly ends = new Map<string, number>();
  /** Its connections by address, oldest first, in ms of the monotonic clock. */
  readonly connections: { url: string; fromMs: number; untilMs: number }[] = [];
  /** Streams that stand still because there is no money. */
  readonly unpaid = new Set<string>();
  /** How often that was told of a stream. */
  stops = 0;
  private readonly positions = new Map<string, Position>();
  /** Streams to ask for again, because there was no subscription. */
  private readonly refused = new Set<string>();
  private socket: WebSocket | undefined;
  private heardAt = 0;
  private resting = false;
  private stopped = false;

  constructor(readonly options: ConsumerOptions) {
    this.journals = new Map(options.producerIds.map((id) => [id, new StreamJournal()]));
  }

  get subscribed(): boolean {
    return this.positions.size === this.journals.size;
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      await this.connect();
      await new Promise((resolve) => setTimeout(resolve, this.options.random.int(20, 300)));
    }
  }

  rest(forMs: number): void {
    this.resting = true;
    this.socket?.pause();
    setTimeout(() => {
      this.resting = false;
      this.heardAt = performance.now();
      this.socket?.resume();
    }, forMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.socket?.terminate();
  }

  private connect(): Promise<void> {
    const { urls, token, random } = this.options;
    const url = random.pick(urls);
    const socket = new WebSocket(`${url}?mode=manual`, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: 4_000,
      perMessageDeflate: false,
    });
    this.socket = socket;
    this.heardAt = performance.now();
    const fromMs = this.heardAt;
    const watch = setInterval(() => {
      this.askAgain(socket);
      if (this.resting || performance.now() - this.heardAt < patienceMs) return;
      this.count('silence');
      socket.terminate();
    }, 500);
    let opened = false;
    socket.on('open', () => {
      opened = true;
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
        this.connections.push({ url, fromMs, untilMs: performance.now() });
        if (opened) this.count(String(code));
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
    const journal = this.journals.get(producerId);
    if (!journal) {
      this.complaints.push(`a reading of producer ${producerId}, which was not asked for`);
      return;
    }
    const epoch = this.positions.get(producerId)?.epoch ?? '';
    journal.addReading({ epoch, ...reading });
    this.positions.set(producerId, { epoch, seq: reading.seq });
  }

  private control(frame: ConsumerDownFrame, socket: WebSocket): void {
    if (frame.type === 'welcome') {
      this.resume(socket);
      return;
    }
    const { pays } = this.options;
    if (frame.type === 'error') {
      if (pays && frame.kind === 'forbidden' && frame.producer_id) this.refused.add(frame.producer_id);
      else this.count(`error ${frame.kind}`);
      return;
    }
    const journal = this.journals.get(frame.producer_id);
    if (!journal) {
      this.complaints.push(`${frame.type} of producer ${frame.producer_id}, which was not asked for`);
      return;
    }
    if (frame.type === 'balance') return;
    const before = this.positions.get(frame.producer_id)?.epoch;
    if (frame.type === 'unsubscribed' && pays && frame.reason === 'insufficient-funds') {
      this.stops += 1;
      this.unpaid.add(frame.producer_id);
    } else if (frame.type === 'unsubscribed' && pays && frame.reason === 'subscription-ended') {
      this.refused.add(frame.producer_id);
    } else if (frame.type === 'unsubscribed') {
      this.complaints.push(`unsubscribed: ${frame.reason}`);
    } else if (frame.type === 'gap') {
      const { epoch, from, to } = frame;
      journal.addControl({ kind: 'gap', epoch, from, to });
      if (epoch === before) this.positions.set(frame.producer_id, { epoch, seq: to });
    } else {
      const { type: kind, epoch, seq } = frame;
      if (kind === 'subscribed') this.unpaid.delete(frame.producer_id);
      journal.addControl(kind === 'position' ? { kind, epoch, seq } : { kind, epoch, seq, recovered: frame.recovered });
      this.positions.set(frame.producer_id, { epoch, seq });
      if (epoch !== before) this.options.onEpoch(frame.producer_id, epoch);
    }
  }

  /** Asks for every stream from where it stands. */
  private resume(socket: WebSocket): void {
    this.refused.clear();
    for (const producerId of this.journals.keys()) this.ask(socket, producerId);
  }

  private askAgain(socket: WebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    for (const producerId of this.refused) this.ask(socket, producerId);
    this.refused.clear();
  }

  private ask(socket: WebSocket, producer_id: string): void {
    const position = this.positions.get(producer_id);
    const from = position && { epoch: position.epoch, after: position.seq };
    const narrowing = this.options.deviceId && { device_id: this.options.deviceId };
    socket.send(JSON.stringify({ type: 'subscribe', producer_id, ...narrowing, ...from }));
  }

  private count(end: string): void {
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
  }
}
