import { ConsumerClient, type Session } from '@motience/sdk';
import { ConnectionWatch, formatCount, Pulse, plural } from '@motience/testers-kit';
import { type ReadonlySignal, signal } from '@preact/signals';
import { isStop, type Stop, stopInWords } from '../spending/describe-stop.ts';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';
import { describeGap, readingsIn } from './describe-gap.ts';
import { LiveFeed } from './live-feed.ts';
import type { SavedPositions } from './saved-positions.ts';

const saveEveryMs = 1_000;

/** One sign-in's receiving: the client and what it brought. */
export class Receiving {
  readonly watch = new ConnectionWatch();
  readonly feed = new LiveFeed();
  readonly pulse = new Pulse(200);
  readonly #gatewayUrl: string;
  readonly #session: Session;
  readonly #subscriptions: Subscriptions;
  readonly #saved: SavedPositions;
  readonly #pausedAt = signal<number | undefined>(undefined);
  readonly #stops = signal<ReadonlyMap<string, Stop>>(new Map());
  readonly #percentsLeft = signal<ReadonlyMap<string, number>>(new Map());
  #client: ConsumerClient | undefined;
  #saving: ReturnType<typeof setInterval> | undefined;

  constructor(gatewayUrl: string, session: Session, subscriptions: Subscriptions, saved: SavedPositions) {
    this.#gatewayUrl = gatewayUrl;
    this.#session = session;
    this.#subscriptions = subscriptions;
    this.#saved = saved;
  }

  /** While paused, the number of the last reading to be shown. */
  get pausedAt(): ReadonlySignal<number | undefined> {
    return this.#pausedAt;
  }

  /** The streams that stand still until they are paid for, by producer. */
  get stops(): ReadonlySignal<ReadonlyMap<string, Stop>> {
    return this.#stops;
  }

  /** The streams of which little can be paid any more: so many percent, by producer. */
  get percentsLeft(): ReadonlySignal<ReadonlyMap<string, number>> {
    return this.#percentsLeft;
  }

  /** Money has come in: what was said of how little is left does not hold any more. */
  credited(): void {
    this.#percentsLeft.value = new Map();
  }

  /** Holds the view still; receiving and counting go on. */
  pause(): void {
    this.#pausedAt.value = this.feed.store.total;
  }

  resume(): void {
    this.#pausedAt.value = undefined;
    this.pulse.now();
  }

  clear(): void {
    this.feed.clear();
    if (this.#pausedAt.value !== undefined) this.#pausedAt.value = 0;
    this.pulse.now();
  }

  /** Whether there is somewhere to resume: where this tab stopped before it was reloaded or disconnected. */
  get canResume(): boolean {
    return this.#saved.load().length > 0;
  }

  /** Connects, and resumes where this tab stopped; streams it does not know start with what is live. */
  connect(): void {
    if (this.#client) return;
    const positions = this.#saved.load();
    const client = new ConsumerClient({ gatewayUrl: this.#gatewayUrl, tokens: this.#session, positions });
    this.#client = client;
    this.#saving = setInterval(() => this.save(), saveEveryMs);
    const nameOf = (producerId: string) => this.#subscriptions.nameOf(producerId);
    client.on('connection', (state) => {
      this.watch.changed(state);
      if (state.phase === 'stopped' && this.#client === client) this.#release();
    });
    client.on('closed', (end) => this.watch.closed(end));
    client.on('reading', ({ reading, text }) => {
      const label = `${nameOf(reading.producer_id)} / ${reading.device_id}`;
      this.feed.receive(reading, text, { epochMs: Date.now(), monotonicMs: performance.now() }, label);
      this.pulse.touch();
    });
    client.on('welcome', ({ streams }) => {
      for (const { producer_id } of streams) this.#goesOn(producer_id);
      this.watch.note('good', `Receiving ${plural(streams.length, 'stream')}.`);
    });
    client.on('subscribed', ({ producer_id }) => {
      this.#goesOn(producer_id);
      this.watch.note('good', `Receiving the stream of ${nameOf(producer_id)}.`);
      void this.#subscriptions.load();
    });
    client.on('unsubscribed', ({ producer_id, reason }) => {
      if (isStop(reason)) {
        this.#stops.value = new Map(this.#stops.value).set(producer_id, {
          reason,
          afterSeq: this.feed.stream(producer_id)?.lastSeq || undefined,
        });
        this.watch.note('bad', `The stream of ${nameOf(producer_id)} has stopped: ${stopInWords(reason)}.`);
      } else {
        this.#goesOn(producer_id);
        this.watch.note('warn', `The stream of ${nameOf(producer_id)} has ended: ${reason}.`);
      }
      void this.#subscriptions.load();
    });
    client.on('balance', ({ producer_id, percent_left }) => {
      this.#percentsLeft.value = new Map(this.#percentsLeft.value).set(producer_id, percent_left);
      this.watch.note('warn', `${nameOf(producer_id)}: ${percent_left} % of what you may spend on it is left.`);
    });
    client.on('resumed', ({ producer_id, seq }) => {
      this.#goesOn(producer_id);
      this.watch.note('good', `${nameOf(producer_id)}: resumed after reading ${formatCount(seq)}.`);
    });
    client.on('gap', (gap) => {
      this.feed.missing(gap.producerId, readingsIn(gap) ?? 0);
      this.watch.note('warn', `${nameOf(gap.producerId)}: ${describeGap(gap)}`);
      this.pulse.touch();
    });
    client.on('error', ({ kind, detail }) => this.watch.note('bad', `The gateway says ${kind}: ${detail}`));
    client.start();
  }

  /** Forgets where this tab stopped, and connects. */
  connectLive(): void {
    this.#saved.forget();
    this.connect();
  }

  /** Keeps where the streams stand, for `connect`, also of this tab's next visit. */
  save(): void {
    if (this.#client) this.#saved.save(this.#client.positions);
  }

  async disconnect(): Promise<void> {
    const client = this.#client;
    this.#release();
    await client?.stop();
  }

  /** A stream is no longer one that has stopped. */
  #goesOn(producerId: string): void {
    if (!this.#stops.value.has(producerId)) return;
    const left = new Map(this.#stops.value);
    left.delete(producerId);
    this.#stops.value = left;
  }

  #release(): void {
    this.save();
    clearInterval(this.#saving);
    this.#client = undefined;
  }
}
