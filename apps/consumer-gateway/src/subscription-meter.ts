import type { CreditState, CreditUnit, DeliveredSpan, Slice } from '@motience/stream-log';
import { CoveredTime } from './covered-time.ts';
import type { Totals } from './delivered-log.ts';
import type { Use } from './metered-feed.ts';
import { UnreportedSpans } from './unreported-spans.ts';

/** One who waits for credit, or is to be told about it. */
export interface CreditListener {
  /** There is credit again: it goes on, if it waits. */
  goOn(): void;
  /** There is none yet, called each second: if it waits, it is not left in silence. */
  waitOn(): void;
  /** There will be none: it is told why, if it waits and was not told yet. */
  tellStopped(): void;
  /** So many percent are left. */
  warnOfCredit(percentLeft: number): void;
}

/** What is received on the credit in one place. */
interface CreditedReception {
  readonly receiver: CreditListener;
  /** What it has stopped before: less than that is of no use to it. Undefined where anything is. */
  readonly lack: Totals | undefined;
}

/** Taken at first, when it is not known yet what is counted. */
const firstUnits = 500;

/** What a gateway has at least in hand, of each unit. */
const leastUnits = { readings: 200, bytes: 64 * 1024 };

/** Intervals of a subscription that may wait to be reported where no credit bounds them: with more, nothing more is received. */
const mostUnreported = 100_000;

/** How much longer than the last second what is taken is to last. */
const secondsInHand = 3;

/**
 * What one subscription may still receive from this gateway, and what it has received: all its sockets and streams of
 * events together. It knows nothing of Redis; `meters.ts` brings what it says there and back.
 *
 * Units it holds are those nobody uses yet (`free`), those handed to uses, and those of what went out and was not reported.
 */
export class SubscriptionMeter {
  unit: CreditUnit | undefined;
  state: CreditState | undefined;
  reason = '';
  expiresAt = Number.POSITIVE_INFINITY;
  readonly receptions = new Set<CreditedReception>();
  readonly coveredTime = new CoveredTime();
  private readonly uses = new Set<Use>();
  private free = 0;
  private warning = 0;
  private spent = 0;
  private readonly spans = new UnreportedSpans();
  /** What was received in the last second, and of late. */
  private spentOfLate = 0;
  private perSecond = 0;

  constructor(readonly subscriptionId: string) {}

  /** Whether one who lacks so much may be sent something now. */
  hasCreditFor(lack: Totals | undefined): boolean {
    if (this.unit === 'unlimited') return this.isOpen;
    if (this.unit === 'time') return this.isOpen && performance.now() < this.expiresAt;
    return this.remaining() >= this.unitsOf(lack);
  }

  /** Whether one who lacks so much waits in vain until something changes. */
  isStoppedFor(lack: Totals | undefined): boolean {
    return this.state === 'stopped' && !this.hasCreditFor(lack);
  }

  /** Whether all who receive on it wait in vain until something changes. */
  get isStopped(): boolean {
    for (const { lack } of this.receptions) if (!this.isStoppedFor(lack)) return false;
    return this.state === 'stopped';
  }

  /** Whether nobody receives anything on it, and nothing has to be said of it any more, nor will of what waits somewhere. */
  get isIdle(): boolean {
    return this.receptions.size === 0 && this.uses.size === 0 && !this.hasReports && this.holds === 0;
  }

  get hasReports(): boolean {
    return this.spans.count > 0 || this.spent > 0;
  }

  /** All units it has taken and not reported. */
  get holds(): number {
    let units = this.free;
    for (const use of this.uses) units += this.handedTo(use) + this.unreportedOf(use);
    return units;
  }

  /** Units it should take besides. */
  get wants(): number {
    if (this.receptions.size === 0 || this.unit === 'time' || this.unit === 'unlimited') return 0;
    if (this.unit === undefined) return firstUnits;
    const target = this.targetIn(this.unit);
    // Not each time a few are gone.
    const remaining = this.remaining();
    return remaining > target / 2 && remaining >= this.mostLacked() ? 0 : target - remaining;
  }

  /** Whether it has so much more than it will soon need that others who are paid from the same money lack it. */
  get hasSurplus(): boolean {
    return this.surplus() > 0;
  }

  addUse(use: Use): void {
    this.uses.add(use);
    this.limit(use, 0);
  }

  /** Nobody receives it any more: what was handed to it and not used is free again. */
  endUse(use: Use, at: Totals): void {
    this.free += this.handedTo(use);
    use.end = at;
    this.limit(use, 0);
    this.forgetIfDone(use);
  }

  /** Whether a use has credit for so much more, from what is free or was handed to others if need be. */
  take(use: Use, readings: number, bytes: number): boolean {
    if (this.unit === 'unlimited' || this.unit === 'time') {
      if (!this.hasCreditFor(undefined)) return false;
      this.limit(use, 0);
      return true;
    }
    if (this.unit === undefined) return false;
    const handed = this.handedTo(use);
    const missing = (this.unit === 'readings' ? readings : bytes) - handed;
    if (missing <= 0) return true;
    const others = this.remaining() - handed;
    if (others < missing) return false;
    let wanted = Math.max(missing, Math.ceil(others / 2));
    const fromFree = Math.min(wanted, this.free);
    this.free -= fromFree;
    wanted -= fromFree;
    this.limit(use, handed + fromFree);
    for (const other of this.uses) {
      if (wanted === 0) break;
      if (other === use) continue;
      const part = Math.min(wanted, this.handedTo(other));
      this.limit(other, this.handedTo(other) - part);
      other.feed.lookAtLimits();
      this.limit(use, this.handedTo(use) + part);
      wanted -= part;
    }
    return true;
  }

  /** These readings of a use have left, up to its totals `through`. */
  report(use: Use, spans: readonly DeliveredSpan[], through: Totals): void {
    for (const span of spans) this.spans.add(span);
    const units = this.count(through) - this.count(use.reported);
    if (units > 0) {
      this.spent += units;
      this.spentOfLate += units;
      use.reported = through;
    }
    if (this.spans.count >= mostUnreported) this.limitUses();
  }

  /** These were received before, and nobody could report them. */
  reportRecovered(span: DeliveredSpan): void {
    this.spans.add(span);
  }

  /** A piece of a use was reported, or will not be. */
  pieceDone(use: Use): void {
    use.pieces -= 1;
    this.forgetIfDone(use);
  }

  /** What is to be reported now: the intervals, at most so many, and the units. */
  takeReport(mostSpans: number): { spans: DeliveredSpan[]; spent: number } {
    const spans = this.spans.take(mostSpans);
    const { spent } = this;
    this.spent = 0;
    return { spans, spent };
  }

  /** Gives back what it will not soon need. */
  giveBack(): void {
    if (this.receptions.size === 0) this.free = 0;
    const surplus = this.surplus();
    if (surplus === 0) return;
    this.give(-surplus);
    for (const use of this.uses) use.feed.lookAtLimits();
  }

  /** A second has passed. */
  second(): void {
    this.perSecond = Math.max(this.spentOfLate, this.perSecond * 0.8);
    this.spentOfLate = 0;
    for (const { receiver, lack } of [...this.receptions]) {
      if (this.isStoppedFor(lack)) receiver.tellStopped();
      else if (!this.hasCreditFor(lack)) receiver.waitOn();
    }
  }

  /** Redis says what it may use. `held` is what `holds` was when it was asked, after what was reported. */
  answer(slice: Slice, held: number, now: number): void {
    const hasOtherUnit = slice.unit !== this.unit;
    if (hasOtherUnit) this.drop();
    this.unit = slice.unit;
    this.state = slice.state;
    this.reason = slice.reason;
    this.expiresAt = slice.unit === 'time' ? now + (slice.restMs ?? 0) : Number.POSITIVE_INFINITY;
    for (const use of this.uses) this.limit(use, hasOtherUnit ? 0 : this.handedTo(use));
    this.give(hasOtherUnit ? slice.holds : slice.holds - held);
    if (slice.state === 'closed') this.drop();
    this.coveredTime.answer(slice);
    for (const use of this.uses) use.feed.lookAtLimits();
    this.tell(slice.warning);
  }

  /** Nothing it has taken counts any more. What went out is spent, whether it has left or not, lest it be taken again. */
  drop(): void {
    this.free = 0;
    for (const use of this.uses) this.spent += this.unreportedOf(use);
    this.unit = undefined;
    this.state = undefined;
    this.coveredTime.forget();
    for (const use of this.uses) {
      use.reported = use.end ?? use.feed.log.totals;
      this.limit(use, 0);
      use.feed.lookAtLimits();
    }
  }

  /** Tells those who wait whether they may go on, and all who receive that little is left. */
  private tell(warning: number): void {
    const isNews = warning > 0 && warning !== this.warning && (this.warning === 0 || warning < this.warning);
    this.warning = warning;
    for (const { receiver, lack } of [...this.receptions]) {
      if (isNews) receiver.warnOfCredit(warning);
      if (this.hasCreditFor(lack)) receiver.goOn();
      else if (this.state === 'stopped') receiver.tellStopped();
    }
  }

  private surplus(): number {
    if (this.unit !== 'readings' && this.unit !== 'bytes') return 0;
    const [remaining, target] = [this.remaining(), this.targetIn(this.unit)];
    return remaining > target * 2 ? remaining - target : 0;
  }

  /** What it should have in hand. */
  private targetIn(unit: 'readings' | 'bytes'): number {
    return Math.max(leastUnits[unit], this.mostLacked(), Math.ceil(this.perSecond * secondsInHand));
  }

  /** What is enough for each of those who wait. */
  private mostLacked(): number {
    let most = 1;
    for (const { lack } of this.receptions) most = Math.max(most, this.unitsOf(lack));
    return most;
  }

  /** Units that one needs who lacks so much. */
  private unitsOf(lack: Totals | undefined): number {
    return lack ? Math.max(1, this.count(lack)) : 1;
  }

  private give(units: number): void {
    this.free += units;
    for (const use of this.uses) {
      if (this.free >= 0) return;
      const part = Math.min(-this.free, this.handedTo(use));
      this.limit(use, this.handedTo(use) - part);
      this.free += part;
    }
    this.free = Math.max(0, this.free);
  }

  private remaining(): number {
    let units = this.free;
    for (const use of this.uses) units += this.handedTo(use);
    return units;
  }

  private handedTo({ mostReadings, mostBytes, feed: { log }, end }: Use): number {
    if (end) return 0;
    if (this.unit === 'readings') return mostReadings - log.readingCount;
    return this.unit === 'bytes' ? mostBytes - log.byteCount : 0;
  }

  private unreportedOf({ reported, end, feed }: Use): number {
    return this.count(end ?? feed.log.totals) - this.count(reported);
  }

  /** Whether readings are received without being counted. */
  private get isOpen(): boolean {
    if (this.spans.count >= mostUnreported) return false;
    return this.unit === 'time' || (this.unit === 'unlimited' && this.state === 'open');
  }

  private limitUses(): void {
    for (const use of this.uses) {
      this.limit(use, this.handedTo(use));
      use.feed.lookAtLimits();
    }
  }

  private limit(use: Use, units: number): void {
    const { log } = use.feed;
    const { unit, isOpen } = this;
    use.mostReadings = unit === 'bytes' || isOpen ? Number.POSITIVE_INFINITY : log.readingCount + units;
    use.mostBytes = unit === 'bytes' ? log.byteCount + units : Number.POSITIVE_INFINITY;
  }

  private count({ readings, bytes }: Totals): number {
    if (this.unit === 'readings') return readings;
    return this.unit === 'bytes' ? bytes : 0;
  }

  private forgetIfDone(use: Use): void {
    if (!use.end || use.pieces > 0 || !this.uses.delete(use)) return;
    this.free += this.unreportedOf(use);
  }
}
