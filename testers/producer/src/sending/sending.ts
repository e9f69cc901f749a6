import { Refusal } from '@motience/protocol';
import { ProducerClient, type Session } from '@motience/sdk';
import { ConnectionWatch, Pulse, plural, RateMeter } from '@motience/testers-kit';
import { type ReadonlySignal, signal } from '@preact/signals';
import { SentLog } from './sent-log.ts';

/** Readings per call of the client, so that a large burst leaves the page time to breathe. */
const sliceReadings = 500;

const clock = () => ({ epochMs: Date.now(), monotonicMs: performance.now() });

/** One sign-in's sending: the client, what it sent, what came back. */
export class Sending {
  readonly watch = new ConnectionWatch();
  readonly log = new SentLog();
  readonly pulse = new Pulse();
  readonly rate = new RateMeter();
  readonly #gatewayUrl: string;
  readonly #session: Session;
  readonly #connected = signal(false);
  #client: ProducerClient | undefined;
  #sent = 0;
  #acknowledged = 0;
  #refused = 0;

  constructor(gatewayUrl: string, session: Session) {
    this.#gatewayUrl = gatewayUrl;
    this.#session = session;
  }

  get counts(): { sent: number; acknowledged: number; refused: number; queued: number } {
    const queued = this.#client?.state.queued ?? 0;
    return { sent: this.#sent, acknowledged: this.#acknowledged, refused: this.#refused, queued };
  }

  get isConnected(): ReadonlySignal<boolean> {
    return this.#connected;
  }

  connect(): void {
    if (this.#client) return;
    const client = new ProducerClient({ gatewayUrl: this.#gatewayUrl, tokens: this.#session });
    this.#client = client;
    client.on('connection', (state) => {
      this.watch.changed(state);
      this.#connected.value = state.phase === 'open';
      if (state.phase === 'stopped' && this.#client === client) void this.disconnect();
    });
    client.on('closed', (end) => this.watch.closed(end));
    client.on('state', () => this.pulse.touch());
    client.on('error', ({ kind, detail }) => this.watch.note('bad', `The gateway says ${kind}: ${detail}`));
    client.on('repeat', ({ deviceId, sequence }) =>
      this.watch.note('warn', `${deviceId}: readings up to sequence ${sequence} were stored before and are left out.`),
    );
    client.on('refused', ({ reading, kind, detail }) => {
      this.#refused += 1;
      this.log.refused(reading.id, `${kind}: ${detail}`, performance.now());
      this.pulse.touch();
    });
    client.on('ack', (readings) => {
      const now = performance.now();
      const ids = readings.map(({ id }) => id);
      const stored = this.log.acknowledged(ids, now);
      this.#acknowledged += stored;
      this.rate.add(now, stored);
      this.pulse.touch();
    });
    client.start();
  }

  async disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    await client.stop({ flushMs: 1_000 });
    this.log.abandoned('not acknowledged before the connection was closed');
    this.pulse.now();
  }

  /** Sends readings as one entry of the log. Never throws: what goes wrong is in the entry. */
  async send(deviceId: string, texts: readonly string[]): Promise<void> {
    const [first] = texts;
    if (first === undefined) return;
    const entry = this.log.open(deviceId, first, texts.length, clock());
    this.pulse.now();
    for (let from = 0; from < texts.length; from += sliceReadings) {
      const slice = texts.slice(from, from + sliceReadings);
      try {
        if (!this.#client) throw new Refusal('unavailable', 'not connected');
        const queued = await this.#client.sendAll(slice);
        this.#sent += slice.length;
        this.log.queued(
          entry,
          queued.map(({ id }) => id),
        );
      } catch (error) {
        const left = texts.length - from;
        this.log.failed(entry, left, `${plural(left, 'reading')} not sent: ${messageOf(error)}`);
        this.pulse.now();
        return;
      }
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
