import WebSocket from 'ws';
import { type ProducerDownFrame, producerDownFrameSchema } from '../../../packages/protocol/dist/index.js';
import type { SentByDevice } from '../checker/reading-place.ts';
import type { Random } from '../random.ts';
import { SentItems } from './sent-items.ts';

const window = 1_000;
const mostPerFrame = 50;
const tickMs = 10;
/** With readings unacknowledged for so long, the connection is taken for dead. */
const patienceMs = 4_000;

export interface ProducerOptions {
  urls: [string, ...string[]];
  token: string;
  deviceIds: [string, ...string[]];
  /** How many readings it sends in all. */
  count: number;
  perSecond: number;
  random: Random;
}

/**
 * Sends numbered readings of some devices, in order, over one socket at a time, to a gateway picked anew for each, and
 * after every loss goes on from the oldest unacknowledged one.
 */
export class ChaosProducer {
  acknowledged = 0;
  connections = 0;
  /** What was not as the contract has it. */
  readonly complaints: string[] = [];
  private sent = 0;
  private readonly items: SentItems;
  private startedAt = 0;
  private stopped = false;
  private socket: WebSocket | undefined;

  constructor(private readonly options: ProducerOptions) {
    this.items = new SentItems(options.deviceIds);
  }

  get done(): boolean {
    return this.acknowledged >= this.options.count;
  }

  sentByDevice(): SentByDevice[] {
    return this.items.perDevice(this.acknowledged, this.sent);
  }

  /** Resolves once everything is acknowledged, or after `stop`. */
  async run(): Promise<void> {
    this.startedAt = performance.now();
    while (!this.done && !this.stopped) {
      await this.connect();
      await new Promise((resolve) => setTimeout(resolve, this.options.random.int(20, 300)));
    }
  }

  stop(): void {
    this.stopped = true;
    this.socket?.terminate();
  }

  /** One connection, from its opening to its end. */
  private connect(): Promise<void> {
    const { urls, token, random } = this.options;
    const socket = new WebSocket(random.pick(urls), {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: patienceMs,
      perMessageDeflate: false,
    });
    this.socket = socket;
    this.connections += 1;
    const base = this.acknowledged;
    let last = base;
    let progressAt = performance.now();
    const tick = setInterval(() => {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (last === this.acknowledged) progressAt = performance.now();
      if (performance.now() - progressAt > patienceMs) return socket.terminate();
      last = this.sendDue(socket, last);
    }, tickMs);
    socket.on('message', (text) => {
      const frame = producerDownFrameSchema.parse(JSON.parse(text.toString()));
      progressAt = performance.now();
      this.receive(frame, base, last);
      if (this.done) socket.close();
    });
    socket.on('error', () => {});
    return new Promise((resolve) => {
      socket.once('close', (code) => {
        clearInterval(tick);
        if (code >= 4500) this.complaints.push(`the socket was closed with ${code}`);
        resolve();
      });
    });
  }

  /** Sends what time and window allow, alone or several in a frame. Returns the last reading sent on this connection. */
  private sendDue(socket: WebSocket, from: number): number {
    const { count, perSecond, random } = this.options;
    const due = Math.ceil(((performance.now() - this.startedAt) / 1_000) * perSecond);
    const until = Math.min(count, due, this.acknowledged + window);
    let last = from;
    while (last < until) {
      const size = random.oneIn(2) ? 1 : Math.min(until - last, random.int(2, mostPerFrame));
      const readings = Array.from({ length: size }, (_, at) => this.items.reading(last + at + 1));
      socket.send(JSON.stringify(size === 1 ? readings[0] : readings));
      last += size;
    }
    this.sent = Math.max(this.sent, last);
    return last;
  }

  private receive(frame: ProducerDownFrame, base: number, last: number): void {
    if (frame.type === 'ack') {
      if (base + frame.through > last) this.complaints.push('more was acknowledged than was sent');
      this.acknowledged = Math.max(this.acknowledged, base + frame.through);
    } else if (frame.type === 'error' && frame.reading !== undefined) {
      this.complaints.push(`a reading was refused: ${frame.kind}: ${frame.detail}`);
    }
  }
}
