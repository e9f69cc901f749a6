import type { Wallet, WalletList } from '@motience/protocol';
import { amountOf } from '@motience/testers-kit';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Billing } from './billing.ts';
import { SessionCosts } from './session-costs.ts';
import { isForTheSame, type SpendingLimit, type WantedLimit, wantedOf } from './spending-limits.ts';

/** What is known of the consumer's money. */
export interface SpendingState {
  wallets: readonly Wallet[];
  provider: WalletList['payment_provider'];
  limits: readonly SpendingLimit[];
  /** When the wallets were first looked at, and last; milliseconds since 1970. */
  since: number;
  at: number;
}

const pollMs = 2_000;
const restingPollMs = 15_000;
const longestPauseMs = 30_000;
const mostPages = 10;

/**
 * Watches wallets while the page can be seen: each 2 seconds while something costs money, now and then otherwise, and ever
 * more rarely while the billing service does not answer.
 */
export class Spending {
  readonly #billing: Billing;
  readonly #costsMoney: () => boolean;
  readonly #onCredit: () => void;
  readonly #state = signal<SpendingState | undefined>(undefined);
  readonly #problem = signal<string | undefined>(undefined);
  readonly #costs = new Map<string, SessionCosts>();
  readonly #totals = new Map<string, bigint>();
  readonly #look = () => this.look();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRunning = false;
  #isReading = false;
  #failures = 0;
  #limitChanges = 0;

  /** `costsMoney` is asked before each pause; `onCredit` is told when money has come in. */
  constructor(billing: Billing, options: { costsMoney: () => boolean; onCredit: () => void }) {
    this.#billing = billing;
    this.#costsMoney = options.costsMoney;
    this.#onCredit = options.onCredit;
  }

  /** Undefined until the billing service has answered. */
  get state(): ReadonlySignal<SpendingState | undefined> {
    return this.#state;
  }

  /** Why the last look failed; undefined if it did not. */
  get problem(): ReadonlySignal<string | undefined> {
    return this.#problem;
  }

  /** What was charged in this session, in micro-units of the currency. */
  cost(currency: string): bigint {
    return this.#costs.get(currency)?.total ?? 0n;
  }

  /** What of it was for one subscription. */
  costOf(currency: string, subscriptionId: string): bigint {
    return this.#costs.get(currency)?.ofSubscription(subscriptionId) ?? 0n;
  }

  start(): void {
    this.#isRunning = true;
    document.addEventListener('visibilitychange', this.#look);
    this.look();
  }

  stop(): void {
    this.#isRunning = false;
    document.removeEventListener('visibilitychange', this.#look);
    clearTimeout(this.#timer);
  }

  /** Looks now instead of later. */
  look(): void {
    if (this.#isReading) return;
    clearTimeout(this.#timer);
    if (this.#isRunning && !document.hidden) void this.#read();
  }

  /** Begins a top-up; resolves with the page of the payment provider. */
  topUp(currency: string, amount: string): Promise<string> {
    return this.#billing.topUp(currency, amount);
  }

  /** Sets a limit, in place of one for the same; rejects with a `Refusal` that names fields of the first of `limits`. */
  async setLimit(limit: WantedLimit): Promise<void> {
    await this.#changeLimits((others) => [limit, ...others.filter((other) => !isForTheSame(other, limit))]);
  }

  async liftLimit(limit: WantedLimit): Promise<void> {
    await this.#changeLimits((others) => others.filter((other) => !isForTheSame(other, limit)));
  }

  /** All are set at once, so they are read before, lest one that another page has set is lifted. */
  async #changeLimits(change: (limits: readonly WantedLimit[]) => readonly WantedLimit[]): Promise<void> {
    const { limits: before } = await this.#billing.limits();
    const { limits } = await this.#billing.setLimits(change(before.map(wantedOf)));
    this.#limitChanges += 1;
    if (this.#state.value) this.#state.value = { ...this.#state.value, limits };
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      await this.#readWallets();
      this.#problem.value = undefined;
      this.#failures = 0;
    } catch (error) {
      this.#problem.value = error instanceof Error ? error.message : String(error);
      this.#failures += 1;
    } finally {
      this.#isReading = false;
    }
    if (this.#isRunning) this.#timer = setTimeout(this.#look, this.#pause());
  }

  #pause(): number {
    if (this.#failures > 0) return Math.min(pollMs * 2 ** this.#failures, longestPauseMs);
    return this.#costsMoney() ? pollMs : restingPollMs;
  }

  async #readWallets(): Promise<void> {
    const changes = this.#limitChanges;
    const [{ items, payment_provider: provider }, { limits }] = await Promise.all([
      this.#billing.wallets(),
      this.#billing.limits(),
    ]);
    const former = this.#state.value;
    for (const wallet of items) await this.#readLines(wallet, former === undefined);
    const at = Date.now();
    // What was set here meanwhile is newer.
    const current = this.#limitChanges === changes ? limits : (this.#state.value?.limits ?? limits);
    this.#state.value = { wallets: items, provider, limits: current, since: former?.since ?? at, at };
  }

  /** Only where the money has changed: what is set aside and given back is still there. */
  async #readLines({ currency, balance, held, owed }: Wallet, isFirstLook: boolean): Promise<void> {
    const total = amountOf(balance) + amountOf(held) - amountOf(owed);
    if (this.#totals.get(currency) === total) return;
    let costs = this.#costs.get(currency);
    if (costs === undefined) {
      costs = new SessionCosts();
      this.#costs.set(currency, costs);
      // A wallet that is new has no lines from before this session.
      if (!isFirstLook) costs.take([]);
    }
    let cursor: string | null = null;
    for (let page = 0; page < mostPages; page += 1) {
      const { items, next_cursor }: Awaited<ReturnType<Billing['lines']>> = await this.#billing.lines(currency, cursor);
      const { mayHaveMore, credited } = costs.take(items);
      if (credited > 0n) this.#onCredit();
      cursor = next_cursor;
      if (!mayHaveMore || cursor === null) break;
    }
    this.#totals.set(currency, total);
  }
}
