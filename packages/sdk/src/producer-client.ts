import type { Reading } from '@motience/protocol';
import type { ProducerEvents, ProducerState } from './producer-events.ts';
import type { QueuedReading, ReadingQueue } from './reading-queue.ts';
import type { OpenSocket } from './socket.ts';
import type { TokenSource } from './token-source.ts';

export interface ProducerClientOptions {
  /** Address of the producer gateway, such as `ws://127.0.0.1:8001`; the path `/producer` is added if it has none. */
  gatewayUrl: string;
  tokens: TokenSource;
  /** Where readings wait; in memory by default. */
  queue?: ReadingQueue;
  /**
   * Give readings that have none a `sequence`, so that resending after a cut never stores one twice. Then nothing
   * else may send for the same device at the same time. Off by default.
   */
  assignSequence?: boolean;
  /**
   * What `send` does when the queue is full: wait for room (default), throw away the oldest reading, or refuse with
   * `unavailable`.
   */
  whenFull?: 'wait' | 'drop-oldest' | 'refuse';
}

/** Sends readings; see `ProducerClientOptions`. */
export class ProducerClient {
  constructor(_options: ProducerClientOptions, _openSocket: OpenSocket) {}

  get state(): ProducerState {
    throw new Error('not built yet');
  }

  /** Listens to an event; call what it returns to stop. */
  on<Name extends keyof ProducerEvents>(_name: Name, _listener: ProducerEvents[Name]): () => void {
    throw new Error('not built yet');
  }

  /** Starts to connect, and keeps connecting until `stop` or a refusal that waiting cannot mend. */
  start(): void {
    throw new Error('not built yet');
  }

  /**
   * Puts a reading into the queue: an object, or its JSON text, whose `data` then travels byte for byte. Resolves when
   * it is in the queue (not yet acknowledged); rejects with `invalid-request` or `too-large` if the server would.
   */
  send(_reading: Reading | string): Promise<QueuedReading> {
    throw new Error('not built yet');
  }

  /** Like `send` for several readings, which then share one write of the queue. All or none are valid. */
  sendAll(_readings: readonly (Reading | string)[]): Promise<QueuedReading[]> {
    throw new Error('not built yet');
  }

  /** Resolves once nothing waits any more; rejects if the client stopped for good before. */
  settled(): Promise<void> {
    throw new Error('not built yet');
  }

  /** Gives what is queued up to `flushMs` to be acknowledged, then closes. Gives how many readings are left. */
  stop(_options?: { flushMs?: number }): Promise<{ left: number }> {
    throw new Error('not built yet');
  }
}
