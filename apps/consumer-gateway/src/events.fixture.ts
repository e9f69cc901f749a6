import { onTestFinished } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';

interface Event {
  event: string;
  id: string | undefined;
  data: string;
}

/** A response whose events collect as they come. */
export class Events {
  readonly all: Event[] = [];
  ended = false;
  private text = '';

  constructor(
    readonly response: Response,
    private readonly cut: () => void,
  ) {
    void this.read();
  }

  static async open(
    gateway: AppProcess,
    query: Record<string, string>,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Events> {
    const url = `http://127.0.0.1:${await gateway.listening}/consumer/sse?${new URLSearchParams(query)}`;
    const cutting = new AbortController();
    signal?.addEventListener('abort', () => cutting.abort());
    const events = new Events(await fetch(url, { headers, signal: cutting.signal }), () => cutting.abort());
    onTestFinished(() => events.close());
    return events;
  }

  get readings(): Event[] {
    return this.all.filter(({ event }) => event === 'message');
  }

  get seqs(): number[] {
    return this.readings.map(({ data }) => JSON.parse(data).seq);
  }

  frames(type: string): Record<string, unknown>[] {
    return this.all.filter(({ event }) => event === type).map(({ data }) => JSON.parse(data));
  }

  close(): void {
    this.cut();
  }

  private async read(): Promise<void> {
    try {
      for await (const bytes of this.response.body?.pipeThrough(new TextDecoderStream()) ?? []) this.take(bytes);
    } catch {
      // Cut by the test.
    }
    this.ended = true;
  }

  private take(text: string): void {
    const blocks = (this.text + text).split('\n\n');
    this.text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      const data = fields.get('data');
      if (data !== undefined) this.all.push({ event: fields.get('event') ?? 'message', id: fields.get('id'), data });
    }
  }
}
