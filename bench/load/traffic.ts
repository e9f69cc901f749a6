import { setTimeout as delay } from 'node:timers/promises';
import { type Connection, openAll } from './connection.ts';
import { LatencyRecorder } from './latency-recorder.ts';
import type { Account, Endpoint } from './plan.ts';
import { nowMicros } from './reading.ts';
import { Receiver } from './receiver.ts';
import { Sender } from './sender.ts';

interface TrafficOptions {
  producers: readonly Endpoint[];
  consumers: readonly Endpoint[];
  deliveriesPerReading: number;
  window: number;
}

/** How long after the last reading was sent the last one may take to come. */
const drainMs = 30_000;
const tickMs = 1;
/** A reading sent later than this after it was due counts from when it was due: what holds it up is what is measured. */
const grainMicros = 2_000;
const mostTroubles = 5;
const openAtOnce = 64;

/** Producers that send, at a rate or as fast as a window allows, and consumers that count. */
export class Traffic {
  delivered = 0;
  readonly latency = new LatencyRecorder();
  readonly troubles: string[] = [];
  private readonly senders: Sender[];
  private mode: 'stopped' | 'window' | 'rate' = 'stopped';
  private nextSender = 0;
  /** Refilled only when this much of the window is free, so that a write is worth its call. */
  private readonly refill: number;
  private ticking: Promise<void> = Promise.resolve();

  private constructor(
    private readonly options: TrafficOptions,
    private readonly producers: readonly Connection[],
    readonly consumers: readonly Connection[],
  ) {
    this.refill = Math.max(1, Math.floor(options.window / 32));
    this.senders = producers.map((connection) => new Sender(connection));
    const oneSender = producers.length === 1;
    for (const connection of consumers) this.receive(connection, oneSender);
    for (const connection of producers) {
      connection.onChunk = () => this.fill();
      connection.onTrouble = (why) => this.complain(`a producer: ${why}`);
    }
  }

  static async open(options: TrafficOptions): Promise<Traffic> {
    const consumers = await openAll(options.consumers, openAtOnce);
    const producers = await openAll(options.producers, openAtOnce);
    return new Traffic(options, producers, consumers);
  }

  get sent(): number {
    return sum(this.senders.map((sender) => sender.sent));
  }

  /** Readings that were delivered to all and, where there are acknowledgements, acknowledged. */
  get settled(): number {
    const { deliveriesPerReading } = this.options;
    const delivered =
      deliveriesPerReading === 0 ? Number.POSITIVE_INFINITY : Math.floor(this.delivered / deliveriesPerReading);
    const [first] = this.producers;
    const acknowledged = first?.dialect.acknowledges
      ? sum(this.senders.map((sender) => sender.acknowledged))
      : Number.POSITIVE_INFINITY;
    return Math.min(delivered, acknowledged);
  }

  /** Sends as fast as the window allows, until `stop`. */
  startWindow(): void {
    this.mode = 'window';
    this.fill();
  }

  /** Sends at a rate, of all producers together, until `stop`; never more than the window. */
  startRate(perSecond: number): void {
    this.mode = 'rate';
    this.ticking = this.tick(perSecond);
  }

  /** Sends no more. Resolves once everything is settled, or will not be. */
  async stop(): Promise<void> {
    this.mode = 'stopped';
    await this.ticking;
    const deadline = performance.now() + drainMs;
    while (this.settled < this.sent && this.troubles.length === 0 && performance.now() < deadline) await delay(5);
  }

  close(): void {
    for (const connection of [...this.producers, ...this.consumers]) connection.end();
  }

  complain(why: string): void {
    if (this.troubles.length < mostTroubles) this.troubles.push(why);
  }

  account(): Account {
    const { sent, delivered, troubles } = this;
    const idle = sent === 0 ? ['nothing was sent'] : [];
    const unsettled = this.settled < sent ? [`${sent - this.settled} readings were never settled`] : [];
    return {
      sent,
      delivered,
      lost: sent * this.options.deliveriesPerReading - delivered,
      troubles: [...troubles, ...idle, ...unsettled],
    };
  }

  private receive(connection: Connection, oneSender: boolean): void {
    let known = 0;
    new Receiver(
      connection,
      { latency: this.latency, oneSender, onTrouble: (why) => this.complain(`a consumer: ${why}`) },
      ({ delivered }) => {
        this.delivered += delivered - known;
        known = delivered;
        this.fill();
      },
    );
  }

  /** Fills the window, from one producer after another. */
  private fill(): void {
    if (this.mode !== 'window') return;
    const free = this.options.window - (this.sent - this.settled);
    if (free < this.refill) return;
    this.senders[this.nextSender]?.send(free, nowMicros());
    this.nextSender = (this.nextSender + 1) % this.senders.length;
  }

  private async tick(perSecond: number): Promise<void> {
    const start = performance.now();
    const startMicros = nowMicros();
    let sent = 0;
    while (this.mode === 'rate') {
      const due = Math.floor(((performance.now() - start) / 1_000) * perSecond);
      const free = this.options.window - (this.sent - this.settled);
      const count = Math.min(due - sent, free);
      if (count > 0) {
        const now = nowMicros();
        const firstDue = startMicros + (sent / perSecond) * 1e6;
        this.sendSpread(count, now - firstDue > grainMicros ? firstDue : now);
        sent += count;
      }
      await delay(tickMs);
    }
  }

  /** Sends from all producers in turn. */
  private sendSpread(count: number, micros: number): void {
    const { senders } = this;
    const share = Math.floor(count / senders.length);
    if (share > 0) for (const sender of senders) sender.send(share, micros);
    for (let left = count - share * senders.length; left > 0; left -= 1) {
      senders[this.nextSender]?.send(1, micros);
      this.nextSender = (this.nextSender + 1) % senders.length;
    }
  }
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
