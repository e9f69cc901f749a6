import type { ConnectionEnd, ConnectionState } from '@motience/sdk';
import { type ReadonlySignal, signal } from '@preact/signals';
import { BoundedList } from '../figures/bounded-list.ts';
import type { Tone } from '../parts/notice.tsx';
import { describeEnd } from './describe-connection.ts';

export interface HistoryEntry {
  number: number;
  at: number;
  tone: Tone;
  text: string;
}

const historyLimit = 50;

/** Where a client's connection stands, and what became of it so far. */
export class ConnectionWatch {
  readonly #current = signal<{ state: ConnectionState; since: number }>({ state: { phase: 'idle' }, since: 0 });
  readonly #entries = new BoundedList<HistoryEntry>(historyLimit);
  readonly #history = signal<readonly HistoryEntry[]>([]);
  #count = 0;

  get current(): ReadonlySignal<{ state: ConnectionState; since: number }> {
    return this.#current;
  }

  /** The newest first. */
  get history(): ReadonlySignal<readonly HistoryEntry[]> {
    return this.#history;
  }

  changed(state: ConnectionState): void {
    const before = this.#current.value.state.phase;
    this.#current.value = { state, since: performance.now() };
    if (state.phase === 'open' && before !== 'open') this.note('good', 'Connected.');
    if (state.phase === 'stopped' && !state.ended) this.note('plain', 'Disconnected.');
  }

  closed(end: ConnectionEnd): void {
    this.note(end.reconnect ? 'warn' : 'bad', describeEnd(end));
  }

  note(tone: Tone, text: string): void {
    this.#count += 1;
    this.#entries.add({ number: this.#count, at: Date.now(), tone, text });
    this.#history.value = this.#entries.items;
  }
}
