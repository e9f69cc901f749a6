import type { MeteredFeed } from './metered-feed.ts';
import type { MeteredReception } from './metered-reception.ts';
import { SentPieces } from './sent-pieces.ts';

/** The part of a socket that a meter needs. */
interface BufferingSocket {
  /** Bytes that wait in this process because the other end does not read. */
  bufferedBytes(): number;
}

/** What one socket, or stream of events, receives on subscriptions that are metered. */
export class SocketMeter {
  readonly pieces: SentPieces;
  readonly receptions = new Set<MeteredReception>();
  private buffered: number;

  constructor(
    private readonly socket: BufferingSocket,
    isCompressed: boolean,
  ) {
    this.pieces = new SentPieces(isCompressed);
    this.buffered = socket.bufferedBytes();
  }

  /** Whether nothing will have to be reported any more. */
  get isOver(): boolean {
    return this.receptions.size === 0 && this.pieces.isEmpty;
  }

  /** Notes what went out, and reports what of it has left; adds the feeds that were looked at. */
  look(feeds: Set<MeteredFeed>): void {
    for (const reception of this.receptions) {
      const feed = reception.collect();
      if (feed) feeds.add(feed);
    }
    this.settle();
  }

  /** Some of what waited has left: if the socket is gone before it is looked at again, this much is known of it. */
  drained(): void {
    for (const reception of this.receptions) reception.collect();
    if (!this.pieces.isEmpty) this.settle();
  }

  /** Nothing more goes out to a socket that was handed all before; what waits there may still leave, until `close`. */
  end(): void {
    for (const reception of [...this.receptions]) reception.end(true);
    this.settle();
  }

  /**
   * The socket is gone, with what waited in it (see `SentPieces.drop`). If nothing waited when it was looked at last, or had
   * drained, which is not long ago (see `lookAfterBytes`), what went out since has left as well.
   */
  close(): void {
    for (const reception of [...this.receptions]) reception.end();
    if (this.buffered === 0) this.pieces.settle(0);
    this.pieces.drop();
  }

  private settle(): void {
    this.buffered = this.socket.bufferedBytes();
    this.pieces.settle(this.buffered);
  }
}
