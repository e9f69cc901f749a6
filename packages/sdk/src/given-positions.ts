import type { StreamPosition } from '@motience/protocol';

/**
 * Tells how far the application is with each stream: readings that came for it and that it is not finished with are
 * not covered by a position yet.
 */
export class GivenPositions {
  readonly #unfinished = new Map<string, { readings: number; finished: StreamPosition }>();

  /** A reading is on its way to the application. */
  given({ producer_id, epoch, seq }: StreamPosition): void {
    const stream = this.#unfinished.get(producer_id);
    if (stream) stream.readings += 1;
    else this.#unfinished.set(producer_id, { readings: 1, finished: { producer_id, epoch, seq: seq - 1 } });
  }

  /** The application is finished with a reading; it finishes those of a stream in their order. */
  finished(position: StreamPosition): void {
    const stream = this.#unfinished.get(position.producer_id);
    if (!stream) return;
    stream.readings -= 1;
    stream.finished = position;
    if (stream.readings === 0) this.#unfinished.delete(position.producer_id);
  }

  /** Of what came, the part that the application is finished with. */
  cover(came: readonly StreamPosition[]): StreamPosition[] {
    return came.map((position) => this.#unfinished.get(position.producer_id)?.finished ?? position);
  }
}
