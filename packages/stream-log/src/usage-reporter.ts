import type { RedisConnection } from './connection.ts';
import { type CreditState, type CreditUnit, gatewayLifetimeMs, stateOf, unitOf } from './credit.ts';
import { asList, asNumber, asText, callFunction, type Reply } from './functions.ts';
import type { Keys } from './keys.ts';
import type { Subscriber } from './subscriber.ts';
import { reportsText, type UsageReport } from './usage-entry.ts';

/** What a gateway says of a subscription in a call. */
export interface CreditAsk {
  subscriptionId: string;
  /** Units that the reports of this call have used up. */
  spent: number;
  /** Units it has taken, and neither reported nor given up. */
  holds: number;
  /** Units it would like besides. */
  wants: number;
  /** Whether anybody receives it here; then billing opens a credit that there is none of. */
  isReceived: boolean;
  /** Since when its time should be paid for, in ms since 1970 by the clock of Redis, for the sake of what is to be resumed. */
  coverFromMs?: number | undefined;
}

/** Where a reception stands, for one who has to find out what its gateway did not come to report. */
export interface ReceptionMark {
  subscriptionId: string;
  /** Unique in the gateway. */
  reception: string;
  /** Undefined once nothing of it is left to be reported. */
  stands: ReceptionPlace | undefined;
}

export interface ReceptionPlace {
  epoch: string;
  /** Everything up to here is reported. */
  seq: number;
  /** Running total of bytes there. */
  bytes: number;
  /** What may have been delivered beyond it. */
  mostReadings: number;
  mostBytes: number;
  /** Whether it has ended with something unreported. */
  hasEnded: boolean;
}

/** A reception that is found in Redis. */
export interface FoundReception {
  /** To be forgotten under this name. */
  name: string;
  place: ReceptionPlace;
  /** Whether nobody will report for it any more. */
  isOver: boolean;
}

export interface UsageCall {
  reports: readonly UsageReport[];
  credits: readonly CreditAsk[];
  marks: readonly ReceptionMark[];
  /** Receptions found earlier of which nothing is left to be reported. */
  forget: readonly { subscriptionId: string; name: string }[];
  /** Subscriptions whose receptions are asked for. */
  find: readonly string[];
}

/** What a gateway may deliver to a subscription from now on. */
export interface Slice {
  /** Undefined: billing has not opened a credit yet. */
  unit: CreditUnit | undefined;
  state: CreditState | undefined;
  /** All units the gateway has now. */
  holds: number;
  /** Why it is stopped. */
  reason: string;
  /** Percent left that sockets are to be warned of, or 0. */
  warning: number;
  /** For how long credit of the unit `time` lasts, in ms from now. */
  restMs: number | undefined;
  /** Of the unit `time`: since when all time is paid for, in ms since 1970 by the clock of Redis; undefined: all of it. */
  coveredFromMs: number | undefined;
  /** Whether billing has yet to look at since when somebody would like it to be. */
  isCoverPending: boolean;
}

export interface UsageAnswer {
  /** In the order of the credits asked for. */
  slices: Slice[];
  /** In the order of the subscriptions asked for. */
  found: FoundReception[][];
}

/** Bytes of reports that may wait to be settled; beyond it gateways get no more credit. */
const defaultLogBytes = 64 * 1024 * 1024;

/** The usage log and the credits as a gateway uses them. Calls are made one after another. */
export class UsageReporter {
  private number = 0;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    /** Names this gateway process. Letters, digits and hyphens. */
    private readonly gatewayId: string,
    private readonly maxLogBytes = defaultLogBytes,
  ) {}

  /** Begins a call; it may be made, with `report`, as often as it takes until one has an answer. */
  nextNumber(): number {
    this.number += 1;
    return this.number;
  }

  /**
   * Reports what was delivered, and takes units, in one atomic step. The report counts once, however often it is made
   * under its number. Waits while Redis is away; rejects if Redis refuses.
   */
  async report(number: number, call: UsageCall): Promise<UsageAnswer> {
    const { keys, gatewayId } = this;
    const args: (string | number)[] = [keys.usagePrefix, gatewayId, number, gatewayLifetimeMs, this.maxLogBytes];
    args.push(reportsText(call.reports), call.credits.length);
    for (const { subscriptionId, spent, holds, wants, isReceived, coverFromMs } of call.credits) {
      args.push(subscriptionId, spent, holds, wants, isReceived ? '1' : '0', coverFromMs ?? '');
    }
    args.push(call.marks.length + call.forget.length);
    for (const { subscriptionId, reception, stands } of call.marks) {
      args.push(subscriptionId, `${gatewayId}/${reception}`, stands ? placeText(stands) : '');
    }
    for (const { subscriptionId, name } of call.forget) args.push(subscriptionId, name, '');
    args.push(...call.find);
    const [, slices, found] = asList(await callFunction(this.redis, 'meter', [keys.usageLog], args));
    return { slices: asList(slices).map(sliceOf), found: asList(found).map(foundIn) };
  }

  /**
   * Calls `onChange` with each subscription whose credit has changed, and with undefined when any may have.
   */
  async listen(subscriber: Subscriber, onChange: (subscriptionId: string | undefined) => void): Promise<void> {
    await subscriber.subscribe(this.keys.creditChanges, {
      onMessage: (message) => onChange(message.toString()),
      onBack: () => onChange(undefined),
    });
  }
}

function sliceOf(reply: Reply): Slice {
  const [unit, holds, state, reason, warning, restMs, coveredFromMs, toCoverFromMs] = asList(reply);
  const rest = asText(restMs);
  const covered = asText(coveredFromMs);
  return {
    unit: unitOf(asText(unit)),
    state: stateOf(asText(state)),
    holds: asNumber(holds),
    reason: asText(reason),
    warning: asNumber(warning),
    restMs: rest === '' ? undefined : Number(rest),
    coveredFromMs: covered === '' ? undefined : Number(covered),
    isCoverPending: asText(toCoverFromMs) !== '',
  };
}

function placeText({ epoch, seq, bytes, mostReadings, mostBytes, hasEnded }: ReceptionPlace): string {
  return [epoch, seq, bytes, mostReadings, mostBytes, hasEnded ? 1 : 0].join(':');
}

/** What cannot be read is left out. */
function foundIn(reply: Reply): FoundReception[] {
  const items = asList(reply).map(asText);
  const found: FoundReception[] = [];
  for (let at = 0; at + 2 < items.length; at += 3) {
    const [epoch = '', ...rest] = (items[at + 1] ?? '').split(':');
    const [seq = -1, bytes = -1, mostReadings = -1, mostBytes = -1, ended] = rest.map(Number);
    if (![seq, bytes, mostReadings, mostBytes].every((number) => Number.isSafeInteger(number) && number >= 0)) continue;
    const hasEnded = ended === 1;
    const place = { epoch, seq, bytes, mostReadings, mostBytes, hasEnded };
    found.push({ name: items[at] ?? '', place, isOver: hasEnded || items[at + 2] === '1' });
  }
  return found;
}
