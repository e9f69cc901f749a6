import type { OpenAccount } from '@motience/gateway-kit';
import type { ConsumerDownFrame } from '@motience/protocol';
import type { Position } from '@motience/stream-log';
import { CatchUp } from './catch-up.ts';
import type { ConsumerConnection } from './consumer-connection.ts';
import type { EntitledPast } from './entitled-past.ts';
import { frameOfEvent } from './frame-of-event.ts';
import { FramePacker } from './frame-packer.ts';
import type { LiveStream } from './live-stream.ts';
import type { MeteredReceiver } from './metered-reception.ts';
import type { Meters } from './meters.ts';
import type { Joiner, NarrowedView } from './narrowed-view.ts';
import { everything, isEverything, type Narrowing, packedTopicOf, topicOf } from './narrowing.ts';
import { StreamMetering } from './stream-metering.ts';
import type { StreamTable } from './stream-table.ts';

/** How often one is told where it stands that waits for credit. */
const secondsBetweenPositions = 5;

/** How a stream is to be received. */
export interface Ask {
  narrowing: Narrowing;
  /** The position to go on from; undefined: from where it stands. */
  from: Position | undefined;
}

export interface ReceptionContext {
  streams: StreamTable;
  meters: Meters;
  /** The past of a stream for this consumer; undefined once it has no subscription to it. */
  pastFor(account: OpenAccount, producerId: string): EntitledPast | undefined;
  onSent(readings: number): void;
  /** The past of a stream cannot be read; it is tried again. */
  unreadable(connection: ConsumerConnection, producerId: string, error: unknown): void;
  /** The stream cannot be received now: the socket has to reconnect. */
  failed(connection: ConsumerConnection, error: unknown): void;
}

/**
 * One stream on one socket, from when it is wanted until it is not. Where it is metered and runs out of credit it keeps
 * its place, and goes on there.
 */
export class Reception implements MeteredReceiver {
  private opening: Promise<LiveStream> | undefined;
  private stream: LiveStream | undefined;
  /** What was asked last and not begun yet, and how many answers are owed. */
  private asked: Ask | undefined;
  private answersOwed = 0;
  /** What is received now, once it has begun. */
  private narrowing: Narrowing = everything;
  private isLive = false;
  private catchUp: CatchUp | undefined;
  private readonly metering: StreamMetering;
  /** What it catches up with and is to be sent in packs, while it is. */
  private packer: FramePacker | undefined;
  /** Where it waits for credit; undefined while it does not. */
  private heldAt: Position | undefined;
  private isToldStopped = false;
  private secondsInSilence = 0;
  /** The view that it receives, where it narrows the stream. */
  private view: NarrowedView | undefined;
  private isRunning = false;
  private isOver = false;

  constructor(
    private readonly context: ReceptionContext,
    private readonly connection: ConsumerConnection,
    readonly producerId: string,
  ) {
    const subscriptionId = () => connection.account.items.get(producerId)?.subscriptionId;
    this.metering = new StreamMetering(context.meters, this, subscriptionId, () => connection.meter);
  }

  /** Follows the stream. Rejects if it cannot be opened. */
  open(): Promise<LiveStream> {
    this.opening ??= this.context.streams.hold(this.producerId).then((stream) => {
      this.stream = stream;
      return stream;
    });
    return this.opening;
  }

  /** Where the opened stream stands; undefined if it is not open. */
  get position(): Position | undefined {
    return this.stream?.position;
  }

  /** Begins to receive everything from where the opened stream stands, without an answer. */
  begin(): void {
    const { position } = this;
    this.metering.begin(undefined);
    if (this.metering.hasCredit || !position) this.join();
    else this.hold(position);
  }

  /** Receives the stream so from now on; answered by `subscribed`, as every ask is. */
  ask({ narrowing, from }: Ask): void {
    // One that is on its way goes on from where it is, and so does one for whom something is held.
    const standsAt = this.heldAt ?? this.catchUp?.position ?? this.heldFrom();
    this.asked = { narrowing, from: from ?? this.asked?.from ?? standsAt };
    this.answersOwed += 1;
    if (!this.isRunning) void this.run();
  }

  /** What it receives counts for another subscription now, or for none: nothing is left out, and nothing counts twice. */
  recounted(): void {
    const { stream, isLive } = this;
    const at = this.heldAt ?? this.catchUp?.position ?? this.heldFrom() ?? (isLive ? this.position : undefined);
    this.metering.leave();
    this.metering.begin(undefined);
    if (!stream || !at) return;
    if (isLive && this.metering.hasCredit && isEverything(this.narrowing)) this.joinWhole(stream);
    else {
      if (!this.heldAt) this.hold(at);
      this.goOn();
    }
  }

  /** It has no credit beyond a position. */
  stop(at: Position): void {
    if (!this.isOver && !this.heldAt) this.hold(at);
  }

  goOn(): void {
    if (this.heldAt && !this.isRunning && !this.isOver) void this.run();
  }

  waitOn(): void {
    if (!this.heldAt || this.isToldStopped) return;
    this.secondsInSilence += 1;
    if (this.secondsInSilence < secondsBetweenPositions) return;
    this.secondsInSilence = 0;
    this.send({ type: 'position', ...this.positionFields(this.heldAt) });
  }

  tellStopped(): void {
    const reason = this.metering.whyStopped;
    if (this.isOver || this.isToldStopped || reason === undefined) return;
    // What it has caught up with tells it when it comes to the end of its credit.
    if (this.isLive && this.position) this.hold(this.heldFrom() ?? this.position);
    if (!this.heldAt || this.isToldStopped) return;
    this.isToldStopped = true;
    this.send({ type: 'unsubscribed', producer_id: this.producerId, reason });
  }

  warnOfCredit(percentLeft: number): void {
    if (this.connection.session.early) return;
    this.send({ type: 'balance', producer_id: this.producerId, percent_left: percentLeft });
  }

  /** Nothing more is sent. Called once. */
  end(): void {
    this.isOver = true;
    this.leave();
    this.metering.end();
    if (this.opening) this.context.streams.release(this.producerId);
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    try {
      const stream = this.stream ?? (await this.open());
      while (!this.isOver && this.connection.socket.isOpen) {
        if (this.asked) await this.takeUp(stream, this.asked);
        else if (this.heldAt && this.metering.hasCredit) await this.goOnAfter(stream, this.heldAt);
        else break;
      }
    } catch (error) {
      if (!this.isOver) this.context.failed(this.connection, error);
    } finally {
      this.isRunning = false;
    }
  }

  /** Begins what was asked for, or holds its place until there is credit. */
  private async takeUp(stream: LiveStream, { narrowing, from }: Ask): Promise<void> {
    this.asked = undefined;
    this.leave();
    this.heldAt = undefined;
    this.isToldStopped = false;
    this.narrowing = narrowing;
    this.metering.begin(from);
    this.metering.forgetLack();
    const at = from ?? stream.position;
    if (!at) return;
    if (!this.metering.hasCredit) this.hold(at);
    else if (from) await this.goOnFrom(stream, from);
    else {
      this.answer(at, false);
      this.join();
    }
  }

  /** Goes on where it was held. That it was is told only if it was told that it is stopped. */
  private async goOnAfter(stream: LiveStream, at: Position): Promise<void> {
    this.heldAt = undefined;
    if (this.isToldStopped) this.answersOwed = Math.max(this.answersOwed, 1);
    this.isToldStopped = false;
    const { position } = stream;
    if (position?.epoch !== at.epoch || position.seq !== at.seq) await this.goOnFrom(stream, at);
    else {
      this.answer(at, true);
      this.join();
    }
  }

  private async goOnFrom(stream: LiveStream, position: Position): Promise<void> {
    const { connection, producerId, narrowing } = this;
    const { streams, pastFor, onSent } = this.context;
    const isWanted = () => !this.isOver && !this.asked && !this.heldAt && connection.socket.isOpen;
    const isWhole = isEverything(narrowing);
    const past = pastFor(connection.account, producerId);
    if (!past || !isWanted()) {
      // Whoever asked meanwhile goes on from here.
      if (this.asked) this.asked.from ??= position;
      return;
    }
    const { socket } = connection;
    let sent = 0;
    this.packer = connection.session.mode.packed ? new FramePacker() : undefined;
    this.metering.joinOwn(isWhole);
    const catchUp = new CatchUp({
      stream,
      streams,
      past,
      aheadRoom: connection.aheadRoom,
      position,
      narrowing,
      isWanted,
      inTurn: (work) => connection.limitBackfills(work),
      onError: (error) => this.context.unreadable(connection, producerId, error),
      answer: (at, recovered) => this.answer(at, recovered),
      reached: () => {
        catchUp.flush();
        if (!isWanted()) return 'over';
        if (!isWhole) this.send({ type: 'position', ...this.positionFields(catchUp.position) });
        this.join();
        return 'over';
      },
      sink: {
        cork: (write) =>
          socket.cork(() => {
            write();
            this.sendPack();
          }),
        reading: (frame, place) => {
          if (!isWanted() || !this.metering.admits(place)) return;
          if (this.packer) this.packer.add(frame, (pack) => socket.sendBytes(pack));
          else socket.sendBytes(frame);
          sent += 1;
        },
        position: (at) => this.send({ type: 'position', ...this.positionFields(at) }),
        control: (event) => {
          if (isWanted()) this.send(frameOfEvent(producerId, event));
        },
        get isFull() {
          return socket.bufferedBytes() > connection.backfillBytes;
        },
        whenDrained: () => socket.whenDrained(connection.backfillBytes / 2),
      },
    });
    this.catchUp = catchUp;
    try {
      await catchUp.run();
    } finally {
      this.catchUp = this.packer = undefined;
      // One that is live already has joined another feed.
      if (!this.isLive) this.metering.leave();
      onSent(sent);
    }
  }

  /** Answers all that were asked. What is lost is told unasked. */
  private answer(at: Position, recovered: boolean): void {
    if (!recovered) this.answersOwed = Math.max(this.answersOwed, 1);
    for (; this.answersOwed > 0; this.answersOwed -= 1) {
      this.send({ type: 'subscribed', ...this.positionFields(at), recovered });
    }
  }

  private join(): void {
    const { stream, narrowing, connection } = this;
    const { socket } = connection;
    if (!stream?.position || this.isLive || this.isOver || !socket.isOpen) return;
    this.isLive = true;
    this.metering.forgetLack();
    stream.connections.add(connection);
    const { seq } = stream.position;
    if (isEverything(narrowing)) this.joinWhole(stream);
    else stream.views.join(narrowing, socket, (view) => this.joinerOf(view, seq));
    if (this.isPacked) stream.packed += 1;
  }

  private joinWhole(stream: LiveStream): void {
    this.connection.socket.subscribe(this.topic);
    if (!this.metering.isMetered) return;
    stream.metered ??= this.context.meters.createFeed();
    this.metering.join(stream.metered, true);
  }

  /** Gets, of what is held by a view, what it has not had yet. */
  private joinerOf(view: NarrowedView, after: number): Joiner {
    this.metering.joinOwn(false);
    return {
      after,
      send: (frame, reading) => {
        if (this.isLive && this.metering.admits(reading)) this.connection.socket.sendBytes(frame);
      },
      joined: () => {
        this.view = view;
        if (!this.metering.isMetered) return;
        view.metered ??= this.context.meters.createFeed();
        this.metering.join(view.metered, false);
      },
    };
  }

  private leave(): void {
    const { stream, narrowing, connection } = this;
    if (!stream || !this.isLive) return;
    this.isLive = false;
    stream.connections.delete(connection);
    if (!isEverything(narrowing)) stream.views.leave(narrowing, connection.socket);
    else connection.socket.unsubscribe(this.topic);
    if (this.isPacked) stream.packed -= 1;
    // After that the socket has been handed all that was published before.
    this.metering.leave();
    if (stream.metered?.isEmpty) stream.metered = undefined;
    if (this.view?.metered?.isEmpty) this.view.metered = undefined;
    this.view = undefined;
  }

  /** Nothing more is sent until there is credit. */
  private hold(at: Position): void {
    // What it still gets comes before it is told so.
    this.sendPack();
    this.leave();
    this.metering.leave();
    this.heldAt = at;
    this.secondsInSilence = 0;
    this.context.meters.callSoon();
    this.tellStopped();
  }

  private sendPack(): void {
    this.packer?.flush((pack) => this.connection.socket.sendBytes(pack));
  }

  /** Whether it receives packs of all that comes; what is narrowed comes one by one. */
  private get isPacked(): boolean {
    return this.connection.session.mode.packed && isEverything(this.narrowing);
  }

  /** Of those who receive the whole stream. */
  private get topic(): string {
    return this.isPacked ? packedTopicOf(this.producerId) : topicOf(this.producerId, everything);
  }

  /** Where to go on from so that nothing is lost that is held at the moment; undefined if nothing is. */
  private heldFrom(): Position | undefined {
    const { stream, narrowing, connection } = this;
    if (!stream?.position || !this.isLive) return undefined;
    const at = stream.views.positionOf(narrowing, connection.socket, stream.position);
    return at.seq < stream.position.seq ? at : undefined;
  }

  private positionFields({ epoch, seq }: Position) {
    return { producer_id: this.producerId, epoch, seq };
  }

  private send(frame: ConsumerDownFrame): void {
    if (!this.isOver) this.connection.send(frame);
  }
}
