import { divideAtTrial, noUse, type Trial, trialLeft, type Use } from '@motience/ledger/pricing';

/** What was delivered before a trial of minutes ended may be reported so much later: it waited for a slow socket, or for Redis. */
const waitsAtMostMs = 3_600_000;

/** What was delivered on credit that is counted, and in what; undefined where only time is. */
export interface Counted {
  readonly unit: 'readings' | 'bytes';
  readonly units: bigint;
}

/** The one trial that a consumer has of a producer, as far as it is used. Shared by all subscriptions between the two. */
export class TrialState {
  hasChanged = false;

  constructor(
    readonly consumerId: bigint,
    readonly producerId: bigint,
    /** Undefined until it begins. */
    public startedAt: Date | undefined,
    public spent: Use,
  ) {}

  begin(at: Date): void {
    if (this.startedAt) return;
    this.startedAt = at;
    this.hasChanged = true;
  }

  /** When a trial of minutes ends; undefined for one of readings, and before it begins. */
  endOf(trial: Trial | undefined): Date | undefined {
    if (!trial || !('minutes' in trial) || !this.startedAt) return undefined;
    return new Date(this.startedAt.getTime() + trial.minutes * 60_000);
  }

  /** How many readings are free yet; 0 for a trial of minutes. */
  readingsLeft(trial: Trial | undefined): bigint {
    return trial && 'readings' in trial ? trialLeft(trial, this.spent) : 0n;
  }

  /**
   * Divides what was delivered into what is free and what is billable. While a trial of minutes ran it was delivered on credit of
   * time; so of what is told after it, that which no counted credit was used up for was delivered in it.
   */
  divide(trial: Trial | undefined, at: Date, piece: Use, counted: Counted | undefined): { free: Use; billable: Use } {
    if (!trial) return { free: noUse, billable: piece };
    this.begin(at);
    const end = this.endOf(trial);
    const { trial: free, billable } = end
      ? divideByCredit(piece, at.getTime() - end.getTime(), counted)
      : divideAtTrial(trial, this.spent, piece);
    if (free.readings > 0n || free.bytes > 0n) {
      this.spent = {
        ...this.spent,
        readings: this.spent.readings + free.readings,
        bytes: this.spent.bytes + free.bytes,
      };
      this.hasChanged = true;
    }
    return { free, billable };
  }

  /** Counts what was free although it was in no trial: whoever had it has had so much of the trial. */
  give(at: Date, { readings, bytes }: Pick<Use, 'readings' | 'bytes'>): void {
    if (readings === 0n && bytes === 0n) return;
    this.begin(at);
    this.spent = { ...this.spent, readings: this.spent.readings + readings, bytes: this.spent.bytes + bytes };
    this.hasChanged = true;
  }
}

function divideByCredit(piece: Use, sinceEndMs: number, counted: Counted | undefined): { trial: Use; billable: Use } {
  if (sinceEndMs < 0) return { trial: piece, billable: noUse };
  if (sinceEndMs >= waitsAtMostMs || !counted || counted.units >= piece[counted.unit]) {
    return { trial: noUse, billable: piece };
  }
  const { unit, units } = counted;
  if (units === 0n) return { trial: piece, billable: noUse };
  return { trial: { ...piece, [unit]: piece[unit] - units }, billable: { ...noUse, [unit]: units } };
}
