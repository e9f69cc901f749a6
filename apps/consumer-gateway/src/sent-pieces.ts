import type { DeliveredSpan } from '@motience/stream-log';
import type { Totals } from './delivered-log.ts';
import type { Use } from './metered-feed.ts';

/** Readings that went out to a socket one after another, of one of its receptions. */
interface Piece {
  owner: PieceOwner;
  use: Use;
  spans: DeliveredSpan[];
  /** The totals of their feed behind them. */
  through: Totals;
  /** Bytes of readings that had gone out to the socket before them, and behind them. */
  begin: number;
  end: number;
}

export interface PieceOwner {
  /** They have left this process. */
  left(piece: Pick<Piece, 'use' | 'spans' | 'through'>): void;
  /** Nobody knows whether they have. */
  lost(use: Use): void;
}

/** Kept apart at most; beyond it the newest of a reception are joined, and so reported later. */
const mostPieces = 256;

/**
 * What went out to a socket and may wait in its buffer. That a piece has left is known from how much still waits and how
 * much went out after it: what goes out is never smaller than the readings in it, unless it is compressed.
 */
export class SentPieces {
  private readonly pieces: Piece[] = [];
  private published = 0;
  /** So many of those bytes have certainly left. */
  private gone = 0;

  constructor(private readonly isCompressed: boolean) {}

  get isEmpty(): boolean {
    return this.pieces.length === 0;
  }

  /** Whether they are a piece of their own. */
  add(owner: PieceOwner, use: Use, spans: DeliveredSpan[], through: Totals): boolean {
    const begin = this.published;
    for (const { bytesBefore, bytesThrough } of spans) this.published += bytesThrough - bytesBefore;
    const end = this.published;
    const earlier =
      this.pieces.length < mostPieces
        ? -1
        : this.pieces.findLastIndex((piece) => piece.use === use && piece.owner === owner);
    const [joined] = earlier < 0 ? [] : this.pieces.splice(earlier, 1);
    if (!joined) use.pieces += 1;
    this.pieces.push({ owner, use, spans: [...(joined?.spans ?? []), ...spans], through, begin, end });
    return !joined;
  }

  /** Tells of those that have left, when so many bytes wait in the socket's buffer. */
  settle(bufferedBytes: number): void {
    if (bufferedBytes === 0) this.gone = this.published;
    else if (!this.isCompressed) this.gone = Math.max(this.gone, this.published - bufferedBytes);
    this.leaveWhile(({ end }) => end <= this.gone);
  }

  /**
   * Gives up the rest: the socket is gone. Readings of which some have left count as if all had, as do all where nobody can
   * tell because they were compressed: otherwise who reads most of what waits, and goes, would have it for nothing. Whoever
   * resumes gets again what did not arrive, and does not pay again.
   */
  drop(): void {
    if (this.isCompressed) this.gone = this.published;
    this.leaveWhile(({ begin }) => begin < this.gone);
    for (const { owner, use } of this.pieces.splice(0)) {
      owner.lost(use);
      use.meter.pieceDone(use);
    }
  }

  private leaveWhile(hasLeft: (piece: Piece) => boolean): void {
    const staying = this.pieces.findIndex((piece) => !hasLeft(piece));
    for (const { owner, ...piece } of this.pieces.splice(0, staying < 0 ? this.pieces.length : staying)) {
      owner.left(piece);
      piece.use.meter.pieceDone(piece.use);
    }
  }
}
