import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@motience/service-kit';
import { orLate } from '@motience/service-kit';
import type {
  CreditAsk,
  FoundReception,
  Position,
  ReceptionMark,
  Subscriber,
  UsageAnswer,
  UsageCall,
  UsageReport,
  UsageReporter,
} from '@motience/stream-log';
import { MeteredFeed, TurnClock } from './metered-feed.ts';
import { type Claim, type MeteredReceiver, MeteredReception, type MeteringContext } from './metered-reception.ts';
import type { SocketMeter } from './socket-meter.ts';
import { SubscriptionMeter } from './subscription-meter.ts';

const tickMs = 1_000;

/** Calls that cannot wait for the next second are made no closer to each other. */
const leastPauseMs = 20;

const retryMs = 500;

/** What goes out on metered feeds before all sockets are looked at. */
const lookAfterBytes = 256 * 1024;

/** How often a subscription is named at least that is received here, in ms. */
const nameWithinMs = 10_000;

/** Of one subscription in a call; the rest is reported with the next one. */
const mostSpans = 20_000;

/**
 * Of claims that wait because no call comes through, and in one call. Of what is dropped beyond it, what another gateway
 * did not come to report stays unreported.
 */
const mostClaims = 50_000;
const mostClaimsInCall = 5_000;

/** How long the last reports may take when the gateway stops. */
const farewellMs = 2_000;

/** How long somebody who resumes waits for billing to say what of the time before is paid for. */
const coverPatienceMs = 10_000;

/** A call that is being made, with what it takes to use its answer. */
interface PendingCall {
  number: number;
  call: UsageCall;
  asked: { meter: SubscriptionMeter; held: number }[];
  claims: { meter: SubscriptionMeter; claim: Claim }[];
}

/**
 * The meters of this gateway. Each second, and sooner where somebody runs out of credit, one call to Redis reports what
 * was received on all of them and takes what may be received next. A call is repeated until Redis has taken it.
 */
export class Meters implements MeteringContext {
  private readonly clock = new TurnClock();
  private readonly meters = new Map<string, SubscriptionMeter>();
  private readonly sockets = new Set<SocketMeter>();
  /** When each was named last, in ms of the monotonic clock. */
  private readonly named = new Map<SubscriptionMeter, number>();
  private readonly changed = new Set<SubscriptionMeter>();
  private readonly movedReceptions = new Set<MeteredReception>();
  private readonly claims: { meter: SubscriptionMeter; claim: Claim }[] = [];
  private forget: { subscriptionId: string; name: string }[] = [];
  private receptionCount = 0;
  private bytesSinceLook = 0;
  private calling: Promise<void> | undefined;
  private isCallDue = false;
  private soonTimer: NodeJS.Timeout | undefined;
  private readonly timer: NodeJS.Timeout;
  private lastCallAt = Number.NEGATIVE_INFINITY;
  private forgotIdleAt = Number.NEGATIVE_INFINITY;
  private isClosed = false;

  constructor(
    private readonly reporter: UsageReporter,
    private readonly logger: Logger,
  ) {
    this.timer = setInterval(() => this.tick(), tickMs);
  }

  /** Begins to hear of credit that has changed. */
  async start(subscriber: Subscriber): Promise<void> {
    await this.reporter.listen(subscriber, (subscriptionId) => {
      for (const meter of subscriptionId === undefined ? this.meters.values() : this.found(subscriptionId)) {
        this.changed.add(meter);
      }
      if (this.changed.size > 0) this.callSoon();
    });
  }

  /** How many subscriptions are metered. */
  get size(): number {
    return this.meters.size;
  }

  createFeed(): MeteredFeed {
    return new MeteredFeed(this.clock);
  }

  /** Begins to meter what a socket receives for a subscription; `after`: the position it says it has. */
  receive(
    subscriptionId: string,
    socket: SocketMeter,
    receiver: MeteredReceiver,
    after: Position | undefined,
  ): MeteredReception {
    let meter = this.meters.get(subscriptionId);
    if (!meter) {
      meter = new SubscriptionMeter(subscriptionId);
      this.meters.set(subscriptionId, meter);
    }
    this.sockets.add(socket);
    this.receptionCount += 1;
    this.callSoon();
    return new MeteredReception(meter, socket, receiver, String(this.receptionCount), this, after);
  }

  /**
   * Since when what a subscription may receive now is paid for, in ms since 1970 by the clock of Redis: as early as
   * `fromMs`, unless billing says that it cannot be. Rejects if billing says nothing.
   */
  async coveredFrom(subscriptionId: string | undefined, fromMs: number): Promise<number> {
    if (subscriptionId === undefined) return Number.NEGATIVE_INFINITY;
    const meter = this.meters.get(subscriptionId);
    if (!meter) throw new Error(`nothing is received on subscription ${subscriptionId} any more`);
    const answered = meter.coveredTime.from(fromMs);
    if (meter.coveredTime.isDue) this.callSoon();
    return orLate(answered, coverPatienceMs, () => {
      throw new Error(`billing does not say which time of subscription ${subscriptionId} is paid for`);
    });
  }

  /** So much went out on a metered feed. */
  wentOut(bytes: number): void {
    this.bytesSinceLook += bytes;
    if (this.bytesSinceLook < lookAfterBytes) return;
    this.bytesSinceLook = 0;
    // Sockets are written to when the present turn of the loop is over.
    setImmediate(() => setImmediate(() => this.look()));
  }

  /** Somebody waits for credit. */
  callSoon(): void {
    this.isCallDue = true;
    if (this.calling || this.soonTimer || this.isClosed) return;
    const waitMs = Math.max(0, this.lastCallAt + leastPauseMs - performance.now());
    this.soonTimer = setTimeout(() => {
      this.soonTimer = undefined;
      this.look();
      this.call();
    }, waitMs);
  }

  /** What was taken may be worth nothing any more: nobody receives anything before Redis has said so. */
  drop(): void {
    for (const meter of this.meters.values()) {
      meter.drop();
      this.changed.add(meter);
    }
    if (this.meters.size > 0) this.callSoon();
  }

  /** The socket is gone. */
  closed(socket: SocketMeter): void {
    socket.close();
    this.sockets.delete(socket);
  }

  moved(reception: MeteredReception): void {
    this.movedReceptions.add(reception);
  }

  claimed(meter: SubscriptionMeter, claim: Claim): void {
    if (this.claims.length < mostClaims) this.claims.push({ meter, claim });
  }

  /** Reports what there is, and stops. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    clearTimeout(this.soonTimer);
    this.isClosed = true;
    this.look();
    const reported = (this.calling ?? Promise.resolve()).then(() => {
      this.call();
      return this.calling;
    });
    await orLate(reported, farewellMs, () => {
      this.logger.warn('the last reports of what was delivered could not be made: Redis does not answer');
      return undefined;
    });
  }

  private *found(subscriptionId: string): Generator<SubscriptionMeter> {
    const meter = this.meters.get(subscriptionId);
    if (meter) yield meter;
  }

  private tick(): void {
    this.look();
    for (const meter of this.meters.values()) meter.second();
    if (!this.calling) this.call();
  }

  /** Notes what went out to all sockets. */
  private look(): void {
    const feeds = new Set<MeteredFeed>();
    for (const socket of this.sockets) {
      socket.look(feeds);
      if (socket.isOver) this.sockets.delete(socket);
    }
    for (const feed of feeds) feed.log.forget(feed.settledTotals);
  }

  private call(): void {
    this.isCallDue = false;
    if (performance.now() - this.forgotIdleAt >= tickMs) this.forgetIdle();
    const pending = this.nextCall();
    if (!pending) return;
    this.lastCallAt = performance.now();
    this.calling = this.make(pending)
      .catch((err: unknown) => this.logger.error({ err }, 'what was delivered could not be accounted for'))
      .finally(() => {
        this.calling = undefined;
        if (this.isCallDue) this.callSoon();
      });
  }

  /** Makes a call until Redis has taken it, and acts on the answer. */
  private async make(pending: PendingCall): Promise<void> {
    for (;;) {
      try {
        this.answer(pending, await this.reporter.report(pending.number, pending.call));
        return;
      } catch (err) {
        this.logger.warn({ err }, 'what was delivered could not be reported; trying again');
        await pause(retryMs);
      }
    }
  }

  private nextCall(): PendingCall | undefined {
    const now = performance.now();
    const reports: UsageReport[] = [];
    const credits: CreditAsk[] = [];
    const asked: PendingCall['asked'] = [];
    for (const meter of this.meters.values()) {
      if (!this.isDue(meter, now)) continue;
      meter.giveBack();
      const { spans, spent } = meter.takeReport(mostSpans);
      const { subscriptionId, holds: held, wants } = meter;
      const coverFromMs = meter.coveredTime.takeAsk();
      if (spans.length > 0) reports.push({ subscriptionId, spans, spent });
      credits.push({ subscriptionId, spent, holds: held, wants, isReceived: meter.receptions.size > 0, coverFromMs });
      asked.push({ meter, held });
      this.named.set(meter, now);
    }
    this.changed.clear();
    const marks = this.takeMarks();
    const claims = this.claims.splice(0, mostClaimsInCall);
    const { forget } = this;
    if (credits.length === 0 && marks.length === 0 && claims.length === 0 && forget.length === 0) return undefined;
    this.forget = [];
    const find = claims.map(({ meter }) => meter.subscriptionId);
    return { number: this.reporter.nextNumber(), call: { reports, credits, marks, forget, find }, asked, claims };
  }

  private isDue(meter: SubscriptionMeter, now: number): boolean {
    if (meter.hasReports || meter.coveredTime.isDue || this.changed.has(meter)) return true;
    if (meter.receptions.size === 0) return meter.holds > 0;
    if (meter.hasSurplus) return true;
    if ((this.named.get(meter) ?? Number.NEGATIVE_INFINITY) < now - nameWithinMs) return true;
    return !meter.isStopped && (meter.wants > 0 || !meter.hasCreditFor(undefined));
  }

  private takeMarks(): ReceptionMark[] {
    const marks: ReceptionMark[] = [];
    for (const reception of this.movedReceptions) {
      const stands = reception.place();
      if (!stands && !reception.isWritten) continue;
      reception.isWritten = stands !== undefined;
      marks.push({ subscriptionId: reception.meter.subscriptionId, reception: reception.name, stands });
    }
    this.movedReceptions.clear();
    return marks;
  }

  private answer({ asked, claims }: PendingCall, { slices, found }: UsageAnswer): void {
    const now = performance.now();
    for (const [at, { meter, claim }] of claims.entries()) this.recover(meter, claim, found[at] ?? []);
    for (const [at, { meter, held }] of asked.entries()) {
      const slice = slices[at];
      if (slice) meter.answer(slice, held, now);
    }
  }

  /** Forgets meters that are of no use any more. Not while a call is being made: its answer may bring them something. */
  private forgetIdle(): void {
    this.forgotIdleAt = performance.now();
    const claiming = new Set(this.claims.map(({ meter }) => meter));
    for (const meter of this.meters.values()) {
      if (!meter.isIdle || claiming.has(meter)) continue;
      this.meters.delete(meter.subscriptionId);
      this.named.delete(meter);
    }
  }

  /** Reports what nobody could, of receptions that did not come as far as their other end says it has read. */
  private recover(meter: SubscriptionMeter, claim: Claim, found: readonly FoundReception[]): void {
    const { subscriptionId } = meter;
    for (const { name, place, isOver } of found) {
      if (place.epoch !== claim.epoch) continue;
      const readings = claim.seq - place.seq;
      const bytes = claim.bytes - place.bytes;
      // One that resumes before it, or from further than it can have come, says nothing of what it has received of this.
      if (readings < 0 || bytes < 0 || readings > place.mostReadings || bytes > place.mostBytes) continue;
      if (readings > 0) {
        const { epoch, seq: to, bytes: bytesThrough } = claim;
        meter.reportRecovered({ epoch, from: place.seq + 1, to, bytesBefore: place.bytes, bytesThrough });
      }
      if (isOver) this.forget.push({ subscriptionId, name });
    }
  }
}
