import { consumerDownFrameSchema, deliveredReadingSchema } from '@motience/protocol';
import { z } from 'zod';
import { Connection, socketUrl } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import type { ConsumerEvents, ConsumerState, ReceivedReading } from './consumer-events.ts';
import { type ConsumerAction, ConsumerStreams } from './consumer-streams.ts';
import { parseDownFrame, refusalOf } from './down-frames.ts';
import { EventHub } from './event-hub.ts';
import { MissedRuns } from './missed-runs.ts';
import { PacedFrames } from './paced-frames.ts';
import { ReadingBuffer } from './reading-buffer.ts';
import type { OpenSocket } from './socket.ts';
import type { TokenSource } from './token-source.ts';

export interface ConsumerClientOptions {
  /** Address of the consumer gateway, such as `ws://127.0.0.1:8002`; the path `/consumer` is added if it has none. */
  gatewayUrl: string;
  tokens: TokenSource;
  /** `live` (default): every active subscription starts by itself. `manual`: nothing comes until `subscribe`. */
  mode?: 'live' | 'manual';
  /** How many readings `readings()` holds for a slow reader; 10,000 by default. */
  bufferReadings?: number;
}

const downFrameSchema = z.union([deliveredReadingSchema, consumerDownFrameSchema]);
const stateEveryMs = 50;

/**
 * Receives readings from the consumer gateway. Connects again by itself, subscribes again, and reports where each
 * stream went on, so that nothing is missed silently.
 */
export class ConsumerClient {
  readonly #events = new EventHub<ConsumerEvents>();
  readonly #connection: Connection;
  readonly #streams: ConsumerStreams;
  readonly #paced = new PacedFrames();
  readonly #overflow = new MissedRuns();
  readonly #bufferReadings: number;
  #buffer: ReadingBuffer | undefined;
  #received = 0;
  #stateDue = false;

  constructor(options: ConsumerClientOptions, openSocket: OpenSocket) {
    const mode = options.mode ?? 'live';
    const url = socketUrl(options.gatewayUrl, '/consumer');
    if (mode === 'manual') url.searchParams.set('mode', 'manual');
    this.#bufferReadings = options.bufferReadings ?? 10_000;
    this.#streams = new ConsumerStreams(mode);
    this.#connection = new Connection({
      url: url.href,
      tokens: options.tokens,
      openSocket,
      owner: {
        opened: () => this.#paced.reset(),
        text: (text) => this.#receive(text),
        closed: (end) => {
          this.#streams.lost();
          this.#events.emit('closed', end);
        },
        changed: (state) => this.#changed(state),
        tick: () => this.#send(this.#paced.second()),
      },
    });
  }

  get state(): ConsumerState {
    return {
      connection: this.#connection.state,
      received: this.#received,
      positions: new Map(this.#streams.positions),
    };
  }

  /** Listens to an event; call what it returns to stop. */
  on<Name extends keyof ConsumerEvents>(name: Name, listener: ConsumerEvents[Name]): () => void {
    return this.#events.on(name, listener);
  }

  /** Starts to connect, and keeps connecting until `stop` or a refusal that waiting cannot mend. */
  start(): void {
    this.#connection.start();
  }

  /** Receives a stream on this socket, and on those after a reconnect; narrowed to one device if named. */
  subscribe(producerId: string, { deviceId }: { deviceId?: string } = {}): void {
    this.#do(this.#streams.subscribe(producerId, deviceId));
  }

  /** Stops a stream on this socket, and on those after a reconnect. The subscription itself stays. */
  unsubscribe(producerId: string): void {
    this.#do(this.#streams.unsubscribe(producerId));
  }

  /**
   * Readings one by one, from now until `stop`, or until a refusal that waiting cannot mend, which it throws. A reader
   * that is too slow holds the server back; in a browser, which cannot, what does not fit is reported as `missed`. One
   * reader at a time.
   */
  readings(): AsyncIterableIterator<ReceivedReading> {
    if (this.#buffer) throw new TypeError('readings() has one reader at a time');
    const buffer = new ReadingBuffer({
      maxReadings: this.#bufferReadings,
      pause: () => this.#connection.pause(),
      resume: () => this.#connection.resume(),
    });
    this.#buffer = buffer;
    this.#endBufferIfStopped(this.#connection.state);
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => buffer.take(),
      return: async () => {
        buffer.end();
        if (this.#buffer === buffer) this.#buffer = undefined;
        this.#connection.resume();
        return { done: true, value: undefined };
      },
    };
  }

  /** Closes the socket; nothing comes afterwards. */
  stop(): Promise<void> {
    return this.#connection.stop();
  }

  #receive(text: string): void {
    const frame = parseDownFrame(downFrameSchema, text);
    // A later version of the gateway may tell more than this one understands; readings it would still know.
    if (!frame) return;
    if (!('type' in frame)) {
      const { deliver, actions } = this.#streams.read(frame);
      this.#do(actions);
      if (deliver) this.#deliver({ reading: frame, text });
      return;
    }
    this.#do(this.#streams.receive(frame));
    switch (frame.type) {
      case 'welcome':
        this.#connection.proven();
        this.#events.emit('welcome', frame);
        break;
      case 'subscribed':
        this.#events.emit('subscribed', frame);
        break;
      case 'unsubscribed':
        this.#events.emit('unsubscribed', frame);
        break;
      case 'position':
        this.#events.emit('position', frame);
        break;
      case 'error':
        this.#connection.refusal(refusalOf(frame));
        this.#events.emit('error', frame);
        break;
    }
    this.#reportState();
  }

  #deliver(received: ReceivedReading): void {
    this.#received += 1;
    this.#events.emit('reading', received);
    this.#reportState();
    if (!this.#buffer) return;
    const { producer_id: producerId, seq } = received.reading;
    if (this.#buffer.push(received)) {
      const run = this.#overflow.end(producerId);
      if (run) this.#events.emit('missed', run);
      return;
    }
    const run = this.#overflow.add(producerId, this.#streams.positions.get(producerId)?.epoch ?? '', seq);
    if (run) this.#events.emit('missed', run);
  }

  #do(actions: readonly ConsumerAction[]): void {
    for (const action of actions) {
      if (action.type === 'send') this.#send(this.#paced.add(action.frame));
      else if (action.type === 'continued') this.#events.emit('continued', action.stream);
      else this.#events.emit('missed', action.readings);
    }
  }

  #send(frames: readonly object[]): void {
    for (const frame of frames) this.#connection.send(JSON.stringify(frame));
  }

  #changed(state: ConnectionState): void {
    this.#events.emit('connection', state);
    this.#reportState();
    this.#endBufferIfStopped(state);
  }

  #endBufferIfStopped(state: ConnectionState): void {
    if (state.phase !== 'stopped') return;
    for (const run of this.#overflow.endAll()) this.#events.emit('missed', run);
    this.#buffer?.end(state.ended ? (state.ended.refusal ?? new Error(state.ended.meaning)) : undefined);
  }

  #reportState(): void {
    if (this.#stateDue) return;
    this.#stateDue = true;
    setTimeout(() => {
      this.#stateDue = false;
      this.#events.emit('state', this.state);
    }, stateEveryMs);
  }
}
