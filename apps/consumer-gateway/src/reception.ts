import type { OpenAccount } from '@motience/gateway-kit';
import type { ConsumerDownFrame } from '@motience/protocol';
import type { Position } from '@motience/stream-log';
import { CatchUp } from './catch-up.ts';
import type { ConsumerConnection } from './consumer-connection.ts';
import type { EntitledPast } from './entitled-past.ts';
import { frameOfEvent } from './frame-of-event.ts';
import { FramePacker } from './frame-packer.ts';
import type { LiveStream } from './live-stream.ts';
import { everything, isEverything, type Narrowing, packedTopicOf, topicOf } from './narrowing.ts';
import type { StreamTable } from './stream-table.ts';

/** How a stream is to be received. */
export interface Ask {
  narrowing: Narrowing;
  /** The position to go on from; undefined: from where it stands. */
  from: Position | undefined;
}

export interface ReceptionContext {
  streams: StreamTable;
  /** The past of a stream for this consumer; undefined once it has no subscription to it. */
  pastFor(account: OpenAccount, producerId: string): EntitledPast | undefined;
  onSent(readings: number): void;
  /** The past of a stream cannot be read; it is tried again. */
  unreadable(connection: ConsumerConnection, producerId: string, error: unknown): void;
  /** The stream cannot be received now: the socket has to reconnect. */
  failed(connection: ConsumerConnection, error: unknown): void;
}

/** One stream on one socket, from when it is wanted until it is not. */
export class Reception {
  private opening: Promise<LiveStream> | undefined;
  private stream: LiveStream | undefined;
  /** What was asked last and not begun yet, and how many answers are owed. */
  private asked: Ask | undefined;
  private answersOwed = 0;
  /** What is received now, once it has begun. */
  private narrowing: Narrowing = everything;
  private isLive = false;
  private catchUp: CatchUp | undefined;
  private isRunning = false;
  private isOver = false;

  constructor(
    private readonly context: ReceptionContext,
    private readonly connection: ConsumerConnection,
    readonly producerId: string,
  ) {}

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
    this.join();
  }

  /** Receives the stream so from now on; answered by `subscribed`, as every ask is. */
  ask({ narrowing, from }: Ask): void {
    // One that is on its way goes on from where it is, and so does one for whom something is held.
    this.asked = { narrowing, from: from ?? this.asked?.from ?? this.catchUp?.position ?? this.heldFrom() };
    this.answersOwed += 1;
    if (!this.isRunning) void this.run();
  }

  /** Nothing more is sent. Called once. */
  end(): void {
    this.isOver = true;
    this.leave();
    if (this.opening) this.context.streams.release(this.producerId);
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    try {
      const stream = this.stream ?? (await this.open());
      while (this.asked && !this.isOver && this.connection.socket.isOpen) {
        const { narrowing, from } = this.asked;
        this.asked = undefined;
        this.leave();
        this.narrowing = narrowing;
        if (from) await this.goOnFrom(stream, from);
        else if (stream.position) {
          this.answer(stream.position, false);
          this.join();
        }
      }
    } catch (error) {
      if (!this.isOver) this.context.failed(this.connection, error);
    } finally {
      this.isRunning = false;
    }
  }

  private async goOnFrom(stream: LiveStream, position: Position): Promise<void> {
    const { connection, producerId, narrowing } = this;
    const { streams, pastFor, onSent } = this.context;
    const isWanted = () => !this.isOver && !this.asked && connection.socket.isOpen;
    const past = pastFor(connection.account, producerId);
    if (!past || !isWanted()) {
      // Whoever asked meanwhile goes on from here.
      if (this.asked) this.asked.from ??= position;
      return;
    }
    const { socket } = connection;
    let sent = 0;
    const packer = connection.session.mode.packed ? new FramePacker() : undefined;
    const send = (frame: Uint8Array) => socket.sendBytes(frame);
    const catchUp = new CatchUp({
      stream,
      streams,
      past,
      position,
      narrowing,
      isWanted,
      inTurn: (work) => connection.limitBackfills(work),
      onError: (error) => this.context.unreadable(connection, producerId, error),
      answer: (at, recovered) => this.answer(at, recovered),
      reached: () => {
        catchUp.flush();
        if (!isEverything(narrowing)) this.send({ type: 'position', ...this.positionFields(catchUp.position) });
        this.join();
        return 'over';
      },
      sink: {
        cork: (write) =>
          socket.cork(() => {
            write();
            packer?.flush(send);
          }),
        reading: (frame) => {
          if (this.isOver) return;
          if (packer) packer.add(frame, send);
          else send(frame);
          sent += 1;
        },
        position: (at) => this.send({ type: 'position', ...this.positionFields(at) }),
        control: (event) => this.send(frameOfEvent(producerId, event)),
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
      this.catchUp = undefined;
      onSent(sent);
    }
  }

  /** Answers all that were asked. */
  private answer(at: Position, recovered: boolean): void {
    for (; this.answersOwed > 0; this.answersOwed -= 1) {
      this.send({ type: 'subscribed', ...this.positionFields(at), recovered });
    }
  }

  private join(): void {
    const { stream, narrowing, connection } = this;
    const { socket } = connection;
    if (!stream?.position || this.isLive || this.isOver || !socket.isOpen) return;
    this.isLive = true;
    stream.connections.add(connection);
    if (!isEverything(narrowing)) stream.views.join(narrowing, socket, stream.position.seq);
    else socket.subscribe(this.topic);
    if (this.isPacked) stream.packed += 1;
  }

  private leave(): void {
    const { stream, narrowing, connection } = this;
    if (!stream || !this.isLive) return;
    this.isLive = false;
    stream.connections.delete(connection);
    if (!isEverything(narrowing)) stream.views.leave(narrowing, connection.socket);
    else connection.socket.unsubscribe(this.topic);
    if (this.isPacked) stream.packed -= 1;
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
