import { producerDownFrameSchema, type Reading, Refusal } from '@motience/protocol';
import { Appender } from './append-readings.ts';
import { Connection, socketUrl } from './connection.ts';
import { parseDownFrame, refusalOf } from './down-frames.ts';
import { encodeFrame } from './encode-readings.ts';
import { EventHub } from './event-hub.ts';
import { MemoryQueue } from './memory-queue.ts';
import { newReading } from './new-readings.ts';
import type { ProducerEvents, ProducerState } from './producer-events.ts';
import {
  inFlight,
  newProducerSession,
  type ProducerAction,
  type ProducerEvent,
  type ProducerSession,
  stepProducer,
} from './producer-session.ts';
import type { Origin, QueuedReading, ReadingQueue } from './reading-queue.ts';
import type { OpenSocket } from './socket.ts';
import type { TokenSource } from './token-source.ts';

export interface ProducerClientOptions {
  /** Address of the producer gateway, such as `ws://127.0.0.1:8001`; the path `/producer` is added if it has none. */
  gatewayUrl: string;
  tokens: TokenSource;
  /** Where readings wait; in memory by default. The client does not close it. */
  queue?: ReadingQueue;
  /**
   * Give readings that have none a `sequence`, so that resending after a cut never stores one twice. Then nothing
   * else may send for the same device at the same time. Off by default.
   */
  assignSequence?: boolean;
  /**
   * What `send` does when the queue is full: wait for room (default), throw away the oldest reading, or refuse with
   * `unavailable`.
   */
  whenFull?: 'wait' | 'drop-oldest' | 'refuse';
}

/** Bytes waiting in the socket at which sending stops, and at which it goes on. */
const congestedBytes = 1024 * 1024;
const drainedBytes = 256 * 1024;
const drainCheckMs = 20;

/**
 * Sends readings to the producer gateway, in order, and keeps each in its queue until the gateway has settled it.
 * Connects again by itself and resends from the oldest reading that is not acknowledged.
 */
export class ProducerClient {
  readonly #events = new EventHub<ProducerEvents>();
  readonly #queue: ReadingQueue;
  readonly #number: boolean;
  readonly #connection: Connection;
  readonly #appender: Appender;
  #session: ProducerSession;
  #queueWork: Promise<unknown> = Promise.resolve();
  #counts = { acknowledged: 0, refused: 0, dropped: 0 };
  #stateDue = false;
  #draining: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ProducerClientOptions, openSocket: OpenSocket) {
    this.#queue = options.queue ?? new MemoryQueue();
    this.#number = options.assignSequence ?? false;
    // What waits already may have been sent by whoever had the queue before.
    const sentBeforeId = this.#queue.size().readings > 0 ? Number.POSITIVE_INFINITY : 0;
    this.#session = { ...newProducerSession, sentBeforeId };
    this.#appender = new Appender({
      queue: this.#queue,
      number: this.#number,
      whenFull: options.whenFull ?? 'wait',
      serially: (use) => this.#serially(use),
      appended: () => this.#step({ type: 'appended' }),
      dropped: (readings) => {
        this.#counts.dropped += readings;
        this.#events.emit('dropped', readings);
      },
    });
    this.#connection = new Connection({
      url: socketUrl(options.gatewayUrl, '/producer').href,
      tokens: options.tokens,
      openSocket,
      owner: {
        opened: () => this.#step({ type: 'opened' }),
        text: (text) => this.#receive(text),
        closed: (end) => {
          clearTimeout(this.#draining);
          this.#step({ type: 'lost' });
          this.#events.emit('closed', end);
        },
        changed: (state) => {
          this.#events.emit('connection', state);
          this.#reportState();
        },
        tick: () => this.#step({ type: 'tick' }),
      },
    });
  }

  get state(): ProducerState {
    const { readings, bytes } = this.#queue.size();
    return {
      connection: this.#connection.state,
      queued: readings,
      queuedBytes: bytes,
      inFlight: inFlight(this.#session),
      ...this.#counts,
    };
  }

  /** Listens to an event; call what it returns to stop. */
  on<Name extends keyof ProducerEvents>(name: Name, listener: ProducerEvents[Name]): () => void {
    return this.#events.on(name, listener);
  }

  /** Starts to connect, and keeps connecting until `stop` or a refusal that waiting cannot mend. */
  start(): void {
    this.#connection.start();
  }

  /**
   * Puts a reading into the queue: an object, or its JSON text, whose `data` then travels byte for byte. Resolves when
   * it is in the queue (not yet acknowledged); rejects with `invalid-request` or `too-large` if the server would, and
   * with `unavailable` if it cannot be queued. The `origin` goes to the queue only.
   */
  async send(reading: Reading | string, { origin }: { origin?: Origin | undefined } = {}): Promise<QueuedReading> {
    const [queued] = await this.#appender.append([{ ...newReading(reading, { number: this.#number }), origin }]);
    if (!queued) throw new Refusal('internal', 'the queue took no reading');
    return queued;
  }

  /** Like `send` for several readings, which then share one write of the queue. If one is invalid, none is queued. */
  async sendAll(readings: readonly (Reading | string)[]): Promise<QueuedReading[]> {
    if (readings.length === 0) return [];
    return this.#appender.append(readings.map((reading) => newReading(reading, { number: this.#number })));
  }

  /** Resolves once nothing waits any more; rejects if the client stops before. */
  settled(): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = ({ queued, connection }: ProducerState) => {
        if (queued > 0 && connection.phase !== 'stopped') return false;
        if (queued === 0) resolve();
        else
          reject(
            (connection.phase === 'stopped' && connection.ended?.refusal) ||
              new Refusal('unavailable', 'stopped before everything was settled'),
          );
        return true;
      };
      if (check(this.state)) return;
      const stopListening = this.on('state', (state) => {
        if (check(state)) stopListening();
      });
    });
  }

  /**
   * Takes no more readings, refuses those that still wait for room, gives what is queued up to `flushMs` (0 by default) to be settled, then closes. Gives how
   * many readings are left in the queue.
   */
  async stop({ flushMs = 0 }: { flushMs?: number } = {}): Promise<{ left: number }> {
    await this.#appender.stop();
    if (flushMs > 0 && this.#connection.state.phase !== 'idle') {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, flushMs);
      });
      await Promise.race([this.settled().catch(() => {}), timeout]);
      clearTimeout(timer);
    }
    await this.#connection.stop();
    await this.#queueWork;
    return { left: this.#queue.size().readings };
  }

  #receive(text: string): void {
    const frame = parseDownFrame(producerDownFrameSchema, text);
    // A later version of the gateway may tell more than this one understands; what it tells is never an order.
    if (frame) this.#step(frame);
  }

  #step(event: ProducerEvent): void {
    const { session, actions } = stepProducer(this.#session, event, performance.now());
    this.#session = session;
    for (const action of actions) this.#do(action);
    if (event.type !== 'tick') this.#reportState();
  }

  #do(action: ProducerAction): void {
    switch (action.type) {
      case 'read':
        this.#background(() => this.#read(action));
        return;
      case 'send':
        this.#connection.send(encodeFrame(action.readings));
        if (this.#connection.bufferedBytes > congestedBytes) this.#waitUntilDrained();
        return;
      case 'settled':
        this.#connection.proven();
        this.#counts.acknowledged += action.readings.length;
        this.#background(() => this.#queue.removeThrough(action.throughId)).then(() => {
          this.#appender.roomMade();
          this.#reportState();
        });
        this.#events.emit('ack', action.readings);
        return;
      case 'refused':
        this.#counts.refused += 1;
        this.#events.emit('refused', { reading: action.reading, kind: action.kind, detail: action.detail });
        return;
      case 'repeat':
        this.#repeat(action);
        return;
      case 'confirm':
        this.#background(() => this.#queue.confirmNumbering(action.deviceId)).then(() =>
          this.#step({ type: 'confirmed' }),
        );
        return;
      case 'error':
        this.#connection.refusal(refusalOf(action.frame));
        this.#events.emit('error', action.frame);
        return;
      case 'reconnect':
        this.#connection.reconnect();
        return;
      case 'cut':
        this.#connection.cut();
        return;
    }
  }

  async #read({ connection, afterId, limit, maxBytes }: Extract<ProducerAction, { type: 'read' }>): Promise<void> {
    const readings = await this.#queue.read(afterId, limit, maxBytes);
    const devices = new Set(readings.filter(({ numbered }) => numbered).map(({ deviceId }) => deviceId));
    const numberings = new Map(
      await Promise.all([...devices].map(async (id) => [id, await this.#queue.numbering(id)] as const)),
    );
    this.#step({ type: 'readings', connection, readings, numberings });
  }

  #repeat({ deviceId, sequence, renumber }: Extract<ProducerAction, { type: 'repeat' }>): void {
    if (!renumber) {
      this.#events.emit('repeat', { deviceId, sequence, renumbered: false });
      return;
    }
    this.#background(() => this.#queue.renumber(deviceId, sequence)).then(() => {
      this.#events.emit('repeat', { deviceId, sequence, renumbered: true });
      this.#connection.reconnect();
    });
  }

  #waitUntilDrained(): void {
    this.#step({ type: 'congested' });
    const check = () => {
      if (this.#connection.bufferedBytes <= drainedBytes) this.#step({ type: 'drained' });
      else this.#draining = setTimeout(check, drainCheckMs);
    };
    clearTimeout(this.#draining);
    this.#draining = setTimeout(check, drainCheckMs);
  }

  #serially<T>(use: () => Promise<T>): Promise<T> {
    const done = this.#queueWork.then(use);
    this.#queueWork = done.catch(() => {});
    return done;
  }

  /** Uses the queue for the session's sake. Without its queue a client can promise nothing, so a failure ends it. */
  #background(use: () => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#serially(use).then(resolve, (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        this.#connection.fail(
          error instanceof Refusal ? error : new Refusal('internal', `the queue failed: ${message}`, { cause: error }),
        );
      });
    });
  }

  #reportState(): void {
    if (this.#stateDue) return;
    this.#stateDue = true;
    setTimeout(() => {
      this.#stateDue = false;
      this.#events.emit('state', this.state);
    });
  }
}
