/** The newest items, newest first, at most `limit`. */
export class BoundedList<Item> {
  readonly #limit: number;
  #items: readonly Item[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  /** The item that had to go, if one had to. */
  add(item: Item): Item | undefined {
    const dropped = this.#items.length >= this.#limit ? this.#items.at(-1) : undefined;
    this.#items = [item, ...this.#items.slice(0, this.#limit - 1)];
    return dropped;
  }

  clear(): void {
    this.#items = [];
  }
}
