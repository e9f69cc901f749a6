/** What has been opened and has to be closed again, the last first. */
export class Closers {
  private readonly all: (() => Promise<void>)[] = [];

  add(close: () => Promise<void>): void {
    this.all.push(close);
  }

  /** Runs every closer, also after one that fails; then throws what went wrong. Each is run once. */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (const close of this.all.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map(wordsOf).join('\n'));
  }
}

/** What an error says. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
