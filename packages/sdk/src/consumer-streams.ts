import type { ConsumerDownFrame, ConsumerUpFrame, DeliveredReading, StreamPosition } from '@motience/protocol';
import type { MissedReadings, StreamContinued } from './consumer-events.ts';

export type ConsumerAction =
  | { type: 'send'; frame: ConsumerUpFrame }
  | { type: 'continued'; stream: StreamContinued }
  | { type: 'missed'; readings: MissedReadings };

/** What the application wants of a stream on this client's sockets. */
type Wish = { deviceId: string | undefined } | 'off';

/**
 * What a consumer's client knows of its streams, without sockets: what is wanted of each and where it stands. It holds
 * every stream to the contract: each number after a position is delivered, left out by our own narrowing, or named.
 */
export class ConsumerStreams {
  readonly #mode: 'live' | 'manual';
  readonly #wishes = new Map<string, Wish>();
  readonly #positions = new Map<string, StreamPosition>();
  /** Where streams stood when the connection was lost, until each is known to have gone on. */
  #before = new Map<string, StreamPosition>();
  /** Streams that the server may be narrowing, so that numbers may be left out. */
  readonly #narrowed = new Set<string>();
  #welcomed = false;

  constructor(mode: 'live' | 'manual') {
    this.#mode = mode;
  }

  get positions(): ReadonlyMap<string, StreamPosition> {
    return this.#positions;
  }

  subscribe(producerId: string, deviceId: string | undefined): ConsumerAction[] {
    this.#wishes.set(producerId, { deviceId });
    if (deviceId !== undefined) this.#narrowed.add(producerId);
    return this.#welcomed ? [{ type: 'send', frame: subscribeFrame(producerId, deviceId) }] : [];
  }

  unsubscribe(producerId: string): ConsumerAction[] {
    this.#wishes.set(producerId, 'off');
    return this.#welcomed ? [{ type: 'send', frame: { type: 'unsubscribe', producer_id: producerId } }] : [];
  }

  /** The connection is gone; where each stream stood is remembered. */
  lost(): void {
    this.#welcomed = false;
    for (const [producerId, position] of this.#positions) this.#before.set(producerId, position);
    this.#positions.clear();
    this.#narrowed.clear();
    for (const [producerId, wish] of this.#wishes) {
      if (wish !== 'off' && wish.deviceId !== undefined) this.#narrowed.add(producerId);
    }
  }

  receive(frame: ConsumerDownFrame): ConsumerAction[] {
    switch (frame.type) {
      case 'welcome':
        this.#welcomed = true;
        return [...frame.streams.flatMap((stream) => this.#start(stream)), ...this.#wishAgain()];
      case 'subscribed': {
        const { producer_id, epoch, seq } = frame;
        const position = this.#positions.get(producer_id);
        const jumped = position?.epoch === epoch ? this.#advance(producer_id, seq, 'unexplained') : [];
        const wish = this.#wishes.get(producer_id);
        if (wish === undefined || wish === 'off' || wish.deviceId === undefined) this.#narrowed.delete(producer_id);
        return [...jumped, ...this.#start({ producer_id, epoch, seq })];
      }
      case 'unsubscribed':
        this.#positions.delete(frame.producer_id);
        this.#before.delete(frame.producer_id);
        return [];
      case 'gap': {
        const { producer_id, epoch, from, to, reason } = frame;
        const before = this.#positions.get(producer_id)?.epoch === epoch ? this.#skipTo(producer_id, from - 1) : [];
        if (this.#positions.has(producer_id)) this.#positions.set(producer_id, { producer_id, epoch, seq: to });
        return [...before, missed({ producerId: producer_id, epoch, from, to, reason })];
      }
      case 'position':
        if (this.#positions.get(frame.producer_id)?.epoch === frame.epoch)
          return this.#skipTo(frame.producer_id, frame.seq);
        return [];
      case 'error':
        return [];
    }
  }

  /** Notes a reading; `deliver` says whether the application wants it. */
  read(reading: DeliveredReading): { deliver: boolean; actions: ConsumerAction[] } {
    const wish = this.#wishes.get(reading.producer_id);
    const unwanted =
      wish === 'off' ||
      (wish === undefined && this.#mode === 'manual') ||
      (wish?.deviceId ?? reading.device_id) !== reading.device_id;
    const actions = this.#advance(reading.producer_id, reading.seq - 1, 'unexplained');
    this.#advance(reading.producer_id, reading.seq, undefined);
    return { deliver: !unwanted, actions };
  }

  #start(position: StreamPosition): ConsumerAction[] {
    const { producer_id: producerId, epoch, seq } = position;
    const before = this.#before.get(producerId);
    this.#positions.set(producerId, { producer_id: producerId, epoch, seq });
    if (!before) return [];
    this.#before.delete(producerId);
    const missedCount = before.epoch === epoch ? Math.max(seq - before.seq, 0) : undefined;
    return [{ type: 'continued', stream: { producerId, before, after: { ...position }, missed: missedCount } }];
  }

  #wishAgain(): ConsumerAction[] {
    return [...this.#wishes].flatMap(([producerId, wish]): ConsumerAction[] => {
      if (wish === 'off') {
        return this.#mode === 'manual'
          ? []
          : [{ type: 'send', frame: { type: 'unsubscribe', producer_id: producerId } }];
      }
      if (this.#mode === 'live' && wish.deviceId === undefined) return [];
      return [{ type: 'send', frame: subscribeFrame(producerId, wish.deviceId) }];
    });
  }

  #skipTo(producerId: string, seq: number): ConsumerAction[] {
    return this.#advance(producerId, seq, 'unexplained');
  }

  /** Moves a position forward; with a reason, the numbers passed over are missed unless narrowing explains them. */
  #advance(producerId: string, seq: number, reason: string | undefined): ConsumerAction[] {
    const position = this.#positions.get(producerId);
    if (!position || seq <= position.seq) return [];
    const from = position.seq + 1;
    this.#positions.set(producerId, { ...position, seq });
    if (reason === undefined || this.#narrowed.has(producerId)) return [];
    return [missed({ producerId, epoch: position.epoch, from, to: seq, reason })];
  }
}

function subscribeFrame(producerId: string, deviceId: string | undefined): ConsumerUpFrame {
  return { type: 'subscribe', producer_id: producerId, ...(deviceId === undefined ? {} : { device_id: deviceId }) };
}

function missed(readings: MissedReadings): ConsumerAction {
  return { type: 'missed', readings };
}
