import type { Position } from '@motience/stream-log';
import type { MeteredFeed } from './metered-feed.ts';
import type { MeteredReceiver, MeteredReception } from './metered-reception.ts';
import type { Meters } from './meters.ts';
import type { SocketMeter } from './socket-meter.ts';
import type { ReadingPlace } from './thinning.ts';

/** Counts what one stream brings to one place, for the subscription that it has at the time; or nothing while it has none. */
export class StreamMetering {
  private metered: MeteredReception | undefined;
  /** What goes out to it alone, while something does. */
  private ownFeed: MeteredFeed | undefined;

  constructor(
    private readonly meters: Meters,
    private readonly receiver: MeteredReceiver,
    private readonly subscriptionId: () => string | undefined,
    private readonly socket: () => SocketMeter,
  ) {}

  /** Whether anything is counted. */
  get isMetered(): boolean {
    return this.metered !== undefined;
  }

  /** Whether what comes next may be sent, as far as that is known. */
  get hasCredit(): boolean {
    return !this.metered || this.metered.hasCredit;
  }

  /** Why it would wait for credit in vain; undefined if it would not. */
  get whyStopped(): string | undefined {
    return this.metered?.isStopped ? this.metered.meter.reason : undefined;
  }

  /** Begins to count for the subscription that it has now; `after`: the position that the other end says it has. */
  begin(after: Position | undefined): void {
    const subscriptionId = this.subscriptionId();
    if (this.metered?.meter.subscriptionId === subscriptionId) return;
    this.end();
    if (subscriptionId === undefined) return;
    this.metered = this.meters.receive(subscriptionId, this.socket(), this.receiver, after);
  }

  end(): void {
    this.metered?.end();
    this.metered = undefined;
  }

  /** Receives from now on what goes out to all who receive a feed; `isWhole`: all of the stream. */
  join(feed: MeteredFeed, isWhole: boolean): void {
    this.ownFeed = undefined;
    this.metered?.join(feed, isWhole);
  }

  /** Receives from now on what `admits` lets through, to it alone. */
  joinOwn(isWhole: boolean): void {
    const feed = this.meters.createFeed();
    this.join(feed, isWhole);
    if (this.metered) this.ownFeed = feed;
  }

  /** Receives nothing more. To be called once the socket has been handed all before. */
  leave(): void {
    this.metered?.leave();
    this.ownFeed = undefined;
  }

  /** Waits no longer for what it has stopped before. */
  forgetLack(): void {
    this.metered?.forgetLack();
  }

  /** Whether a reading may go out to it alone; if not, it is stopped before it. */
  admits({ epoch, seq, bytesBefore, bytesThrough }: ReadingPlace): boolean {
    const { ownFeed } = this;
    if (!ownFeed) return true;
    const bytes = bytesThrough - bytesBefore;
    ownFeed.stopShort(1, bytes, { epoch, seq: seq - 1 });
    // One that is stopped has left.
    if (this.ownFeed !== ownFeed) return false;
    ownFeed.add(epoch, seq, seq, bytesBefore, bytesThrough);
    this.meters.wentOut(bytes);
    return true;
  }
}
