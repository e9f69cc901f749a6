import type { ConsumerEvents, ConsumerState, ReceivedReading } from './consumer-events.ts';
import type { OpenSocket } from './socket.ts';
import type { TokenSource } from './token-source.ts';

export interface ConsumerClientOptions {
  /** Address of the consumer gateway, such as `ws://127.0.0.1:8002`; the path `/consumer` is added if it has none. */
  gatewayUrl: string;
  tokens: TokenSource;
  /** `live` (default): every active subscription starts by itself. `manual`: nothing comes until `subscribe`. */
  mode?: 'live' | 'manual';
  /** How many readings `readings()` holds for a slow reader; 10,000 by default. */
  bufferReadings?: number;
}

/** Receives readings; see `ConsumerClientOptions`. */
export class ConsumerClient {
  constructor(_options: ConsumerClientOptions, _openSocket: OpenSocket) {}

  get state(): ConsumerState {
    throw new Error('not built yet');
  }

  /** Listens to an event; call what it returns to stop. */
  on<Name extends keyof ConsumerEvents>(_name: Name, _listener: ConsumerEvents[Name]): () => void {
    throw new Error('not built yet');
  }

  /** Starts to connect, and keeps connecting until `stop` or a refusal that waiting cannot mend. */
  start(): void {
    throw new Error('not built yet');
  }

  /** Receives a stream on this socket, and on those after a reconnect; narrowed to one device if named. */
  subscribe(_producerId: string, _options?: { deviceId?: string }): void {
    throw new Error('not built yet');
  }

  /** Stops a stream on this socket, and on those after a reconnect. The subscription itself stays. */
  unsubscribe(_producerId: string): void {
    throw new Error('not built yet');
  }

  /** Readings one by one, until `stop` or a refusal that waiting cannot mend, which it throws. One reader at a time. */
  readings(): AsyncIterableIterator<ReceivedReading> {
    throw new Error('not built yet');
  }

  stop(): Promise<void> {
    throw new Error('not built yet');
  }
}
