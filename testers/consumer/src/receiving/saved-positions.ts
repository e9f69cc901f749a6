import { type StreamPosition, streamPositionSchema } from '@motience/protocol';
import { z } from 'zod';

const positionsSchema = z.array(streamPositionSchema);

/** Where an account's streams stood in this tab, kept over a reload. They hold no secret. */
export class SavedPositions {
  readonly #storage: Storage;
  readonly #key: string;

  constructor(storage: Storage, accountId: string) {
    this.#storage = storage;
    this.#key = `motience.positions.${accountId}`;
  }

  /** None if there are none, or none that can be read. */
  load(): StreamPosition[] {
    try {
      return positionsSchema.parse(JSON.parse(this.#storage.getItem(this.#key) ?? '[]'));
    } catch {
      return [];
    }
  }

  save(positions: readonly StreamPosition[]): void {
    try {
      this.#storage.setItem(this.#key, JSON.stringify(positions));
    } catch {
      // A tab without storage starts with what is live after a reload.
    }
  }

  forget(): void {
    this.#storage.removeItem(this.#key);
  }
}
