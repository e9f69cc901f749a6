import { ConsumerClient, type Session } from '@motience/sdk';
import { ConnectionWatch, Pulse, plural } from '@motience/testers-kit';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';
import { LiveFeed } from './live-feed.ts';

/** One sign-in's receiving: the client and what it brought. */
export class Receiving {
  readonly watch = new ConnectionWatch();
  readonly feed = new LiveFeed();
  readonly pulse = new Pulse(200);
  readonly #gatewayUrl: string;
  readonly #session: Session;
  readonly #subscriptions: Subscriptions;
  readonly #pausedAt = signal<number | undefined>(undefined);
  #client: ConsumerClient | undefined;

  constructor(gatewayUrl: string, session: Session, subscriptions: Subscriptions) {
    this.#gatewayUrl = gatewayUrl;
    this.#session = session;
    this.#subscriptions = subscriptions;
  }

  /** While paused, the number of the last reading to be shown. */
  get pausedAt(): ReadonlySignal<number | undefined> {
    return this.#pausedAt;
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

  connect(): void {
    if (this.#client) return;
    const client = new ConsumerClient({ gatewayUrl: this.#gatewayUrl, tokens: this.#session });
    this.#client = client;
    const nameOf = (producerId: string) => this.#subscriptions.nameOf(producerId);
    client.on('connection', (state) => {
      this.watch.changed(state);
      if (state.phase === 'stopped' && this.#client === client) this.#client = undefined;
    });
    client.on('closed', (end) => this.watch.closed(end));
    client.on('reading', ({ reading, text }) => {
      const label = `${nameOf(reading.producer_id)} / ${reading.device_id}`;
      this.feed.receive(reading, text, { epochMs: Date.now(), monotonicMs: performance.now() }, label);
      this.pulse.touch();
    });
    client.on('welcome', ({ streams }) => this.watch.note('good', `Receiving ${plural(streams.length, 'stream')}.`));
    client.on('subscribed', ({ producer_id }) => {
      this.watch.note('good', `Receiving the stream of ${nameOf(producer_id)}.`);
      void this.#subscriptions.load();
    });
    client.on('unsubscribed', ({ producer_id, reason }) => {
      this.watch.note('warn', `The stream of ${nameOf(producer_id)} has ended: ${reason}.`);
      void this.#subscriptions.load();
    });
    client.on('continued', ({ producerId, missed }) => {
      if (missed === undefined) this.watch.note('warn', `${nameOf(producerId)}: the numbering began anew.`);
      else if (missed > 0) {
        this.feed.missed(producerId, missed);
        this.watch.note('warn', `${nameOf(producerId)}: ${plural(missed, 'reading')} missed while not connected.`);
      }
    });
    client.on('missed', ({ producerId, from, to, reason }) => {
      const count = to - from + 1;
      this.feed.missed(producerId, count);
      this.watch.note('warn', `${nameOf(producerId)}: ${plural(count, 'reading')} missed (${reason}).`);
      this.pulse.touch();
    });
    client.on('error', ({ kind, detail }) => this.watch.note('bad', `The gateway says ${kind}: ${detail}`));
    client.start();
  }

  async disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.stop();
  }
}
