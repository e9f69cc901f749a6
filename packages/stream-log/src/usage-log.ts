import type { RedisConnection } from './connection.ts';
import { type CreditState, type CreditUnit, gatewayLifetimeMs, stateOf, unitOf } from './credit.ts';
import { asList, asNumber, asText, callFunction } from './functions.ts';
import type { Keys } from './keys.ts';
import type { Subscriber } from './subscriber.ts';
import { readUsageEntry, type UsageEntry } from './usage-entry.ts';

/** A credit as it stands in Redis. What may still be delivered and is not settled is left + leased + reported. */
export interface Credit {
  subscriptionId: string;
  /** Undefined, as `state`, until billing opens it: also in a new life of Redis. */
  unit: CreditUnit | undefined;
  state: CreditState | undefined;
  /** Units that no gateway has taken. */
  left: number;
  /** Units that gateways have taken and not reported. */
  leased: number;
  /** Units that were reported in entries that are not settled. */
  reported: number;
  /** When a gateway named the subscription last, in ms since 1970 by the clock of Redis. */
  interestedAtMs: number | undefined;
  /** Of the unit `time`: since when gateways were told that all time is paid for, in ms by the same clock. */
  coveredFromMs: number | undefined;
  /** Since when gateways would like it to be; undefined if none asks. */
  toCoverFromMs: number | undefined;
}

/** What billing decides about a credit. */
export interface CreditChange {
  subscriptionId: string;
  unit: CreditUnit;
  /** Added to what is left; taken away if negative, as far as it is there. */
  units: number;
  /** When credit of the unit `time` ends, in ms since 1970 by the clock of Redis. */
  untilMs?: number;
  /**
   * Since when all time is paid for, of the unit `time`, in ms by that clock: nothing older is delivered on it. Left out:
   * as before.
   */
  coveredFromMs?: number;
  /** The `toCoverFromMs` that was looked at: whoever asked for that, or less, has the answer now. */
  answeredCoverMs?: number;
  state: CreditState;
  /** Why it is stopped, as the socket is told. */
  reason?: string;
  /** Percent left at which sockets are to be warned: 20, 5, or 0 for no warning. */
  warning: number;
}

/** The usage log and the credits as billing reads and settles them. One process at a time does that, under a fence. */
export class UsageLog {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {}

  /**
   * The oldest entries that are not settled. One that cannot be read is passed to `onUnreadable`, stays, and holds up none
   * of those behind it.
   */
  async read(most: number, onUnreadable: (id: string, error: unknown) => void = () => {}): Promise<UsageEntry[]> {
    const readable: UsageEntry[] = [];
    let from = '-';
    while (readable.length < most) {
      const wanted = most - readable.length;
      const entries = await this.redis.xrange(this.keys.usageLog, from, '+', 'COUNT', wanted);
      for (const [id, fields] of entries) {
        try {
          readable.push(readUsageEntry(id, fields));
        } catch (error) {
          onUnreadable(id, error);
        }
        from = `(${id}`;
      }
      if (entries.length < wanted) break;
    }
    return readable;
  }

  /**
   * Looks at credits, in the order of the ids, without what gateways had taken that are gone now. From now on only
   * `settle` with this fence, or a higher one of a later call, changes them. A fence is a number that grows with every
   * process, or turn, that settles.
   */
  async inspect(fence: number, subscriptionIds: readonly string[]): Promise<Credit[]> {
    const { usageLog, usagePrefix } = this.keys;
    const args = [usagePrefix, fence, gatewayLifetimeMs, ...subscriptionIds];
    const replies = asList(await callFunction(this.redis, 'inspectCredit', [usageLog], args));
    return replies.map((reply, at) => {
      const [unit, state, left, leased, reported, interested, covered, toCover] = asList(reply).map(asText);
      return {
        subscriptionId: subscriptionIds[at] ?? '',
        unit: unitOf(unit ?? ''),
        state: stateOf(state ?? ''),
        left: Number(left),
        leased: Number(leased),
        reported: Number(reported),
        interestedAtMs: interested ? Number(interested) : undefined,
        coveredFromMs: covered ? Number(covered) : undefined,
        toCoverFromMs: toCover ? Number(toCover) : undefined,
      };
    });
  }

  /**
   * Takes settled entries off the log, and with each, if it is still there, its units off what is reported; then changes
   * credits, those that were looked at under another fence since excepted, and tells the gateways. Returns the
   * subscriptions whose credit was changed. Harmless to repeat: a credit is changed once under each fence.
   */
  async settle(fence: number, entryIds: readonly string[], changes: readonly CreditChange[]): Promise<Set<string>> {
    const { usageLog, usagePrefix } = this.keys;
    const args: (string | number)[] = [usagePrefix, fence, entryIds.length, ...entryIds];
    for (const { subscriptionId, unit, units, untilMs, state, reason, warning, ...cover } of changes) {
      args.push(subscriptionId, unit, units, untilMs ?? '', state, reason ?? '', warning);
      args.push(cover.coveredFromMs ?? '', cover.answeredCoverMs ?? '');
    }
    const done = await callFunction(this.redis, 'settleUsage', [usageLog], args);
    return new Set(asList(done).map(asText));
  }

  /** Has whoever settles look at subscriptions, because something about their money has changed. */
  async want(subscriptionIds: readonly string[]): Promise<void> {
    if (subscriptionIds.length === 0) return;
    const { usageLog, usagePrefix } = this.keys;
    await callFunction(this.redis, 'wantCredit', [usageLog], [usagePrefix, ...subscriptionIds]);
  }

  /** Calls `onWanted` when an entry was added that wants credit. A hint only: one may be lost with the connection. */
  async listen(subscriber: Subscriber, onWanted: () => void): Promise<void> {
    await subscriber.subscribe(this.keys.usageWanted, { onMessage: onWanted, onBack: onWanted });
  }

  /** How many entries wait. */
  async count(): Promise<number> {
    return asNumber(await this.redis.xlen(this.keys.usageLog));
  }
}
