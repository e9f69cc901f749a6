import type { StreamPosition } from '@motience/protocol';
import { ConsumerClient } from './consumer-client.ts';
import type { ConsumerEvents, ConsumerState, ReceivedReading } from './consumer-events.ts';
import { openEventStreamWith } from './event-stream.ts';
import type { Fetch } from './http-request.ts';
import type { Narrowing } from './narrowing.ts';
import type { TokenSource } from './token-source.ts';

export interface ConsumerEventSourceOptions extends Narrowing {
  /** Address of the consumer gateway, such as `http://127.0.0.1:8002`; `/consumer/sse` is added if it has no path. */
  gatewayUrl: string;
  tokens: TokenSource;
  producerId: string;
  /** Where to continue, as `position` gave it before; without it, with what is live. */
  position?: StreamPosition | undefined;
  /** How many readings `readings()` holds for a slow reader; 10,000 by default. */
  bufferReadings?: number;
  /** In the place of the platform's `fetch`. */
  fetch?: Fetch;
}

/**
 * Receives one stream over HTTP (server-sent events), for whom sockets are out of reach. Promises what `ConsumerClient`
 * does: each reading once, in order, across reconnects, and a `gap` for every one that cannot come.
 */
export class ConsumerEventSource {
  readonly #client: ConsumerClient;
  readonly #producerId: string;

  constructor(options: ConsumerEventSourceOptions) {
    const { gatewayUrl, tokens, producerId, deviceId, fields, maxRate, position, bufferReadings } = options;
    const fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
    this.#producerId = producerId;
    this.#client = new ConsumerClient(
      {
        gatewayUrl,
        tokens,
        mode: 'manual',
        ...(bufferReadings === undefined ? {} : { bufferReadings }),
        ...(position ? { positions: [position] } : {}),
      },
      openEventStreamWith(fetch),
      { url: eventStreamUrl(gatewayUrl), provenBy: 'subscribed' },
    );
    this.#client.subscribe(producerId, { deviceId, fields, maxRate });
  }

  get state(): ConsumerState {
    return this.#client.state;
  }

  /** Where to continue so that nothing is missed and nothing repeated, as `ConsumerClient.positions` has it. */
  get position(): StreamPosition | undefined {
    return this.#client.positions.find(({ producer_id }) => producer_id === this.#producerId);
  }

  /** Listens to an event; call what it returns to stop. */
  on<Name extends keyof ConsumerEvents>(name: Name, listener: ConsumerEvents[Name]): () => void {
    return this.#client.on(name, listener);
  }

  /** Starts to connect, and keeps connecting until `stop` or a refusal that waiting cannot mend. */
  start(): void {
    this.#client.start();
  }

  /** Readings one by one, as `ConsumerClient.readings` gives them; one that is too slow holds the server back. */
  readings(): AsyncIterableIterator<ReceivedReading> {
    return this.#client.readings();
  }

  /** Ends the request; nothing comes afterwards. */
  stop(): Promise<void> {
    return this.#client.stop();
  }
}

function eventStreamUrl(gatewayUrl: string): string {
  const url = new URL(gatewayUrl);
  const protocol = { 'http:': 'http:', 'https:': 'https:', 'ws:': 'http:', 'wss:': 'https:' }[url.protocol];
  if (!protocol) throw new TypeError(`expected http:// or https://, got ${url.protocol}//`);
  if (url.username || url.password || url.searchParams.has('token')) {
    throw new TypeError('a gateway address must not hold a token or a password');
  }
  return `${protocol}//${url.host}${url.pathname === '/' ? '/consumer/sse' : url.pathname}${url.search}`;
}
