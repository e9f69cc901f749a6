import { createLogger } from '@motience/service-kit';
import { LiveStreams, type Position, RetainedStreams } from '@motience/stream-log';
import type { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { readConsumerGatewayConfig } from './config.ts';
import { createContext } from './context.ts';
import { History } from './history.ts';
import { type PastPart, PastReadings } from './past-readings.ts';
import { startConsumerGateway } from './start.ts';

/** Holds answers back, those about some producers, until the test lets them go. */
export class Gate {
  private readonly shut = new Map<string, (() => void)[]>();

  /** From now on answers about this producer are held back. */
  close(producerId: string): void {
    this.shut.set(producerId, []);
  }

  /** How many answers are held back. */
  held(producerId: string): number {
    return this.shut.get(producerId)?.length ?? 0;
  }

  /** Lets go what is held back; what comes later is held back still. */
  letGo(producerId: string): void {
    for (const letGo of this.shut.get(producerId)?.splice(0) ?? []) letGo();
  }

  /** Lets everything go, now and later. */
  open(producerId: string): void {
    this.letGo(producerId);
    this.shut.delete(producerId);
  }

  /** Resolves or rejects as the answer does, and not before it is let go. */
  async pass<Answer>(producerId: string, answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer;
    } finally {
      const held = this.shut.get(producerId);
      if (held) await new Promise<void>((resolve) => held.push(resolve));
    }
  }
}

class HeldLiveStreams extends LiveStreams {
  readonly gate = new Gate();

  override head(producerId: string): Promise<Position> {
    return this.gate.pass(producerId, super.head(producerId));
  }
}

/** The past of streams, of which answers can be held back. */
export class HeldPastReadings extends PastReadings {
  readonly gate = new Gate();

  override readAfter(producerId: string, position: Position, maxBytes: number): Promise<PastPart> {
    return this.gate.pass(producerId, super.readAfter(producerId, position, maxBytes));
  }
}

/** A gateway in this process, in which the answers of Redis and PostgreSQL about a stream can be held back. */
export class HeldGateway {
  private readonly log: string[];

  private constructor(
    private readonly app: { port: number; stop(): Promise<void> },
    /** Where a stream's head is. */
    readonly heads: Gate,
    /** What a stream's past is. */
    readonly pasts: Gate,
    log: string[],
  ) {
    this.log = log;
  }

  static async start(corner: StreamCorner, environment: Record<string, string> = {}): Promise<HeldGateway> {
    const log: string[] = [];
    const logger = createLogger('consumer-gateway', 'info', { write: (line) => void log.push(line) });
    const config = readConsumerGatewayConfig({ ...corner.environment, ...environment });
    const context = await createContext(config, logger);
    const { redis, subscriber, keys, database } = context;
    const live = new HeldLiveStreams(redis, subscriber, keys, config.shards);
    const past = new HeldPastReadings(
      new RetainedStreams(redis, keys, config.shards),
      new History(database.sql),
      config.shards,
    );
    const app = await startConsumerGateway(config, { ...context, live, past }, logger);
    return new HeldGateway(app, live.gate, past.gate, log);
  }

  get listening(): Promise<number> {
    return Promise.resolve(this.app.port);
  }

  /** Lines of the log that contain this. */
  logged(text: string): string[] {
    return this.log.filter((line) => line.includes(text));
  }

  stop(): Promise<void> {
    return this.app.stop();
  }
}
