import type { ConsumerDownFrame, ConsumerUpFrame, DeliveredReading, StreamPosition } from '@motience/protocol';
import type { Gap } from './consumer-events.ts';
import { type Narrowing, narrowingOf } from './narrowing.ts';
import type { EventOf } from './state-table.ts';
import { stepStream } from './step-stream.ts';
import { newStream, type Place, type StreamEvents, type StreamNews, type StreamState } from './stream-state.ts';

export type ConsumerNews = { type: 'gap'; gap: Gap } | { type: 'resumed'; position: StreamPosition };

/** How the application wants a stream. */
export interface StreamWish extends Narrowing {
  /** Continue after this place instead of the one that is known. */
  after?: Place | undefined;
}

/**
 * What a consumer's client knows of its streams, without sockets: what is wanted of each, where it stands, and what the
 * server has to be asked for. `StreamState` says how one stream goes.
 */
export class ConsumerStreams {
  readonly #mode: 'live' | 'manual';
  readonly #streams = new Map<string, StreamState>();
  /** Streams the application asked for by name; in manual mode only they are started. */
  readonly #named = new Set<string>();
  /** Streams of which the server has to be told something, in the order they came. */
  readonly #due = new Set<string>();
  #connected = false;

  constructor(mode: 'live' | 'manual', positions: readonly StreamPosition[] = []) {
    this.#mode = mode;
    for (const { producer_id, epoch, seq } of positions) this.#streams.set(producer_id, newStream({ epoch, seq }));
  }

  /** Everything up to here was delivered, left out by narrowing, or named in a gap. */
  get positions(): StreamPosition[] {
    return [...this.#streams].flatMap(([producer_id, { place, ahead }]) => {
      const furthest = ahead.at(-1) ?? place;
      return furthest ? [{ producer_id, ...furthest }] : [];
    });
  }

  subscribe(producerId: string, { after, ...narrowing }: StreamWish = {}): void {
    this.#named.add(producerId);
    this.#step(producerId, { type: 'want', narrowing: narrowingOf(narrowing), after, connected: this.#connected });
  }

  /** Also forgets where the stream stands. */
  unsubscribe(producerId: string): void {
    this.#named.delete(producerId);
    this.#step(producerId, { type: 'unwant' });
  }

  /** The connection is gone. */
  lost(): void {
    this.#connected = false;
    this.#all({ type: 'lost' });
    this.#due.clear();
  }

  /** The application can take readings again. */
  room(): void {
    this.#all({ type: 'room' });
  }

  receive(frame: ConsumerDownFrame): ConsumerNews[] {
    switch (frame.type) {
      case 'welcome':
        return this.#welcome(frame.streams);
      case 'subscribed': {
        const { producer_id, epoch, seq, recovered } = frame;
        return this.#tell(producer_id, { type: 'subscribed', place: { epoch, seq }, recovered });
      }
      case 'unsubscribed':
        return this.#tell(frame.producer_id, { type: 'unsubscribed', requested: frame.reason === 'requested' });
      case 'gap': {
        const { producer_id, epoch, from, to, reason } = frame;
        return this.#tell(producer_id, { type: 'gap', epoch, from, to, reason });
      }
      case 'position': {
        const { producer_id, epoch, seq } = frame;
        return this.#tell(producer_id, { type: 'position', place: { epoch, seq } });
      }
      case 'balance':
        return [];
      case 'error':
        return frame.producer_id === undefined ? [] : this.#tell(frame.producer_id, { type: 'refused' });
    }
  }

  /**
   * Takes a reading; `room` says whether the application can. If it is the application's, gives the epoch in which its
   * `seq` counts. What is told of gaps comes before it.
   */
  read(reading: DeliveredReading, room: boolean): { epoch: string | undefined; news: ConsumerNews[] } {
    const { producer_id: producerId, device_id: deviceId, seq } = reading;
    const news = this.#step(producerId, { type: 'reading', seq, deviceId, room });
    const delivery = news.find((one) => one.type === 'deliver');
    return { epoch: delivery?.epoch, news: toConsumerNews(producerId, news) };
  }

  /** At most `limit` of the frames that have to be sent; they count as sent. */
  takeFrames(limit: number): ConsumerUpFrame[] {
    return [...this.#due].slice(0, Math.max(limit, 0)).map((producerId) => {
      const { phase, narrowing, place } = this.#stream(producerId);
      this.#step(producerId, { type: 'sent' });
      if (phase === 'leaving') return { type: 'unsubscribe', producer_id: producerId };
      return {
        type: 'subscribe',
        producer_id: producerId,
        ...(narrowing?.deviceId === undefined ? {} : { device_id: narrowing.deviceId }),
        ...(narrowing?.fields === undefined ? {} : { fields: [...narrowing.fields] }),
        ...(narrowing?.maxRate === undefined ? {} : { max_rate: narrowing.maxRate }),
        ...(place === undefined ? {} : { epoch: place.epoch, after: place.seq }),
      };
    });
  }

  #welcome(started: readonly StreamPosition[]): ConsumerNews[] {
    this.#connected = true;
    const news = started.flatMap(({ producer_id, epoch, seq }) =>
      this.#tell(producer_id, { type: 'started', place: { epoch, seq } }),
    );
    if (this.#mode === 'manual') {
      for (const producerId of this.#named) this.#step(producerId, { type: 'started', place: undefined });
    }
    return news;
  }

  #tell<Type extends keyof StreamEvents>(producerId: string, event: EventOf<StreamEvents, Type>): ConsumerNews[] {
    return toConsumerNews(producerId, this.#step(producerId, event));
  }

  #all(event: EventOf<StreamEvents, 'lost' | 'room'>): void {
    for (const producerId of this.#streams.keys()) this.#step(producerId, event);
  }

  #step<Type extends keyof StreamEvents>(
    producerId: string,
    event: EventOf<StreamEvents, Type>,
  ): readonly StreamNews[] {
    const { state, news } = stepStream(this.#stream(producerId), event);
    this.#streams.set(producerId, state);
    const { phase } = state;
    if (phase === 'due' || phase === 'adjusting' || phase === 'leaving') this.#due.add(producerId);
    else this.#due.delete(producerId);
    return news;
  }

  #stream(producerId: string): StreamState {
    return this.#streams.get(producerId) ?? newStream();
  }
}

function toConsumerNews(producerId: string, news: readonly StreamNews[]): ConsumerNews[] {
  return news.flatMap((one): ConsumerNews[] => {
    if (one.type === 'deliver') return [];
    if (one.type === 'resumed') return [{ type: 'resumed', position: { producer_id: producerId, ...one.place } }];
    const { epoch, from, to, reason } = one;
    return [{ type: 'gap', gap: { producerId, epoch, from, to, reason } }];
  });
}
