import {
  consumerDownFrameSchema,
  type DeliveredReading,
  deliveredReadingSchema,
  type StreamPosition,
  splitArray,
} from '@motience/protocol';
import { z } from 'zod';
import { Connection, socketUrl } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import type { ConsumerEvents, ConsumerState, ReceivedReading } from './consumer-events.ts';
import { type ConsumerNews, ConsumerStreams, type StreamWish } from './consumer-streams.ts';
import { parseDownFrame, refusalOf } from './down-frames.ts';
import { EventHub } from './event-hub.ts';
import { FrameAllowance } from './frame-allowance.ts';
import { GivenPositions } from './given-positions.ts';
import { ReadingBuffer } from './reading-buffer.ts';
import type { OpenSocket } from './socket.ts';
import type { TokenSource } from './token-source.ts';

export interface ConsumerClientOptions {
  /** Address of the consumer gateway, such as `ws://127.0.0.1:8002`; the path `/consumer` is added if it has none. */
  gatewayUrl: string;
  tokens: TokenSource;
  /** `live` (default): every active subscription starts by itself. `manual`: nothing comes until `subscribe`. */
  mode?: 'live' | 'manual';
  /** Has the gateway put several readings into one frame, which is cheaper for both where many come. */
  packed?: boolean;
  /** How many readings `readings()` holds for a slow reader; 10,000 by default. */
  bufferReadings?: number;
  /** Where streams are continued, as `client.positions` gave it before; the others start with what is live. */
  positions?: readonly StreamPosition[];
}

/** What differs where it is not a socket of the gateway. */
export interface Transport {
  url?: string;
  /** The frame by which the server shows that it has taken us; until then each attempt counts as a failure. */
  provenBy?: 'welcome' | 'subscribed';
}

const downFrameSchema = z.union([deliveredReadingSchema, consumerDownFrameSchema]);
const stateEveryMs = 50;

/**
 * Receives readings from the consumer gateway. Connects again by itself and continues each stream where it stood: the
 * application sees each reading once, in order, and a `gap` for every one that cannot come. To continue in another
 * process too, save `positions` and give them back.
 */
export class ConsumerClient {
  readonly #events = new EventHub<ConsumerEvents>();
  readonly #connection: Connection;
  readonly #streams: ConsumerStreams;
  readonly #allowance = new FrameAllowance();
  readonly #given = new GivenPositions();
  readonly #bufferReadings: number;
  readonly #provenBy: 'welcome' | 'subscribed';
  #buffer: ReadingBuffer | undefined;
  #isBeingRead = false;
  #received = 0;
  #stateDue = false;

  constructor(options: ConsumerClientOptions, openSocket: OpenSocket, transport: Transport = {}) {
    const mode = options.mode ?? 'live';
    this.#provenBy = transport.provenBy ?? 'welcome';
    this.#bufferReadings = options.bufferReadings ?? 10_000;
    this.#streams = new ConsumerStreams(mode, options.positions);
    this.#connection = new Connection({
      url: transport.url ?? gatewayUrl(options.gatewayUrl, mode, options.packed ?? false),
      tokens: options.tokens,
      openSocket,
      owner: {
        opened: () => this.#allowance.renew(),
        text: (text) => this.#receive(text),
        closed: (end) => {
          this.#streams.lost();
          this.#events.emit('closed', end);
        },
        changed: (state) => this.#changed(state),
        tick: () => {
          this.#allowance.renew();
          this.#sendDue();
        },
      },
    });
  }

  get state(): ConsumerState {
    return {
      connection: this.#connection.state,
      received: this.#received,
    };
  }

  /**
   * Where to continue so that nothing is missed and nothing repeated: covers the readings that the caller of
   * `readings()` has finished with, which is all before the one it has in hand; without `readings()`, those that the
   * listeners of `reading` were called with.
   */
  get positions(): StreamPosition[] {
    return this.#given.cover(this.#streams.positions);
  }

  /** Listens to an event; call what it returns to stop. */
  on<Name extends keyof ConsumerEvents>(name: Name, listener: ConsumerEvents[Name]): () => void {
    return this.#events.on(name, listener);
  }

  /** Starts to connect, and keeps connecting until `stop` or a refusal that waiting cannot mend. */
  start(): void {
    this.#connection.start();
  }

  /**
   * Receives a stream on this socket, and on those after a reconnect; narrowed to one device if named. Continues where
   * it stands, or after the place that is given, which may lie behind.
   */
  subscribe(producerId: string, wish: StreamWish = {}): void {
    this.#streams.subscribe(producerId, wish);
    this.#sendDue();
  }

  /**
   * Stops a stream on this socket, and on those after a reconnect, and forgets where it stood. The subscription itself
   * stays.
   */
  unsubscribe(producerId: string): void {
    this.#streams.unsubscribe(producerId);
    this.#sendDue();
  }

  /**
   * Readings one by one, until `stop`, or until a refusal that waiting cannot mend, which it throws. A reader that is
   * too slow holds the server back; in a browser, which cannot, a stream that does not fit is continued once there is
   * room. One reader at a time; after it has returned, what it left is for the next one, which should come soon.
   */
  readings(): AsyncIterableIterator<ReceivedReading> {
    if (this.#isBeingRead) throw new TypeError('readings() has one reader at a time');
    this.#isBeingRead = true;
    const buffer = this.#buffer ?? this.#openBuffer();
    let isOver = false;
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: async () => (isOver ? { done: true, value: undefined } : buffer.take()),
      return: async () => {
        if (!isOver) this.#isBeingRead = false;
        isOver = true;
        return { done: true, value: undefined };
      },
    };
  }

  /** Closes the socket; nothing comes afterwards. */
  stop(): Promise<void> {
    return this.#connection.stop();
  }

  #receive(text: string): void {
    if (!text.startsWith('[')) this.#receiveFrame(text);
    // Readings only: several that came in one frame.
    else for (const reading of splitArray(text)) this.#receiveFrame(reading);
  }

  #receiveFrame(text: string): void {
    const frame = parseDownFrame(downFrameSchema, text);
    // A later version of the gateway may tell more than this one understands; readings it would still know.
    if (!frame) return;
    if (!('type' in frame)) {
      this.#read(frame, text);
      return;
    }
    this.#tell(this.#streams.receive(frame));
    this.#sendDue();
    if (frame.type === this.#provenBy) this.#connection.proven();
    switch (frame.type) {
      case 'welcome':
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
      case 'balance':
        this.#events.emit('balance', frame);
        break;
      case 'error':
        this.#connection.refusal(refusalOf(frame));
        this.#events.emit('error', frame);
        break;
    }
    this.#reportState();
  }

  #read(reading: DeliveredReading, text: string): void {
    const { epoch, news } = this.#streams.read(reading, this.#buffer?.hasRoom ?? true);
    this.#tell(news);
    if (epoch === undefined) return;
    const received = { reading, text, epoch };
    this.#received += 1;
    this.#given.given(positionOf(received));
    this.#reportState();
    if (this.#buffer) this.#buffer.push(received);
    else queueMicrotask(() => this.#given.finished(positionOf(received)));
    this.#events.emit('reading', received);
  }

  #tell(news: readonly ConsumerNews[]): void {
    for (const one of news) {
      if (one.type === 'gap') this.#events.emit('gap', one.gap);
      else this.#events.emit('resumed', one.position);
    }
  }

  /** Asks for what has to be asked for, as fast as the gateway allows. */
  #sendDue(): void {
    if (this.#connection.state.phase !== 'open') return;
    const frames = this.#streams.takeFrames(this.#allowance.left);
    this.#allowance.spend(frames.length);
    for (const frame of frames) this.#connection.send(JSON.stringify(frame));
  }

  #openBuffer(): ReadingBuffer {
    this.#buffer = new ReadingBuffer({
      maxReadings: this.#bufferReadings,
      pause: () => this.#connection.pause(),
      resume: () => {
        this.#connection.resume();
        this.#streams.room();
        this.#sendDue();
      },
      finished: (received) => this.#given.finished(positionOf(received)),
    });
    this.#endBufferIfStopped(this.#connection.state);
    return this.#buffer;
  }

  #changed(state: ConnectionState): void {
    this.#events.emit('connection', state);
    this.#reportState();
    this.#endBufferIfStopped(state);
  }

  #endBufferIfStopped(state: ConnectionState): void {
    if (state.phase !== 'stopped') return;
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

function positionOf({ reading, epoch }: ReceivedReading): StreamPosition {
  return { producer_id: reading.producer_id, epoch, seq: reading.seq };
}

function gatewayUrl(address: string, mode: 'live' | 'manual', packed: boolean): string {
  const url = socketUrl(address, '/consumer');
  if (mode === 'manual') url.searchParams.set('mode', 'manual');
  if (packed) url.searchParams.set('packed', 'true');
  return url.href;
}
