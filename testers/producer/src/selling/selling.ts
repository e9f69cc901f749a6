import type { Earnings, OwnListing, Plan, Sample } from '@motience/protocol';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { OwnOffers } from './own-offers.ts';

const pollMs = 10_000;
const longestPauseMs = 60_000;

/**
 * What the producer sells, and what has come of it. While the page can be seen, what is measured and earned is looked at
 * again every 10 seconds, ever more rarely while a service does not answer.
 */
export class Selling {
  readonly #offers: OwnOffers;
  readonly #listing = signal<OwnListing | 'none' | undefined>(undefined);
  readonly #plans = signal<readonly Plan[] | undefined>(undefined);
  readonly #earnings = signal<Earnings['items'] | undefined>(undefined);
  readonly #sample = signal<Sample | undefined>(undefined);
  readonly #problem = signal<string | undefined>(undefined);
  readonly #earningsProblem = signal<string | undefined>(undefined);
  readonly #look = () => this.#lookNow();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRunning = false;
  #isReading = false;
  #failures = 0;
  /** Counts what was changed here, so that an answer from before does not undo it on the page. */
  #changes = 0;

  constructor(offers: OwnOffers) {
    this.#offers = offers;
  }

  /** Undefined until it is known. */
  get listing(): ReadonlySignal<OwnListing | 'none' | undefined> {
    return this.#listing;
  }

  /** Undefined until they are known. */
  get plans(): ReadonlySignal<readonly Plan[] | undefined> {
    return this.#plans;
  }

  /** Of the last year, by plan; undefined until the billing service has answered. */
  get earnings(): ReadonlySignal<Earnings['items'] | undefined> {
    return this.#earnings;
  }

  /** The sample that was taken here. */
  get sample(): ReadonlySignal<Sample | undefined> {
    return this.#sample;
  }

  /** Why listing and plans could not be read. */
  get problem(): ReadonlySignal<string | undefined> {
    return this.#problem;
  }

  /** Why the earnings could not be read. */
  get earningsProblem(): ReadonlySignal<string | undefined> {
    return this.#earningsProblem;
  }

  start(): void {
    this.#isRunning = true;
    document.addEventListener('visibilitychange', this.#look);
    this.#lookNow();
  }

  stop(): void {
    this.#isRunning = false;
    document.removeEventListener('visibilitychange', this.#look);
    clearTimeout(this.#timer);
  }

  /** All that follow reject with the service's refusal. */
  async saveListing(body: object): Promise<void> {
    this.#showListing(await this.#offers.putListing(body));
  }

  async moveListing(step: 'publish' | 'pause'): Promise<void> {
    this.#showListing(await this.#offers.moveListing(step));
  }

  /** Shows the last stored readings to everybody. */
  async takeSample(readings: number): Promise<void> {
    const sample = await this.#offers.takeSample(readings);
    this.#sample.value = sample;
    this.#noteSample(sample.taken_at);
  }

  async removeSample(): Promise<void> {
    await this.#offers.removeSample();
    this.#sample.value = undefined;
    this.#noteSample(null);
  }

  async addPlan(body: object): Promise<void> {
    const plan = await this.#offers.addPlan(body);
    this.#changes += 1;
    this.#plans.value = [...(this.#plans.value ?? []), plan];
  }

  async endPlan(id: string): Promise<void> {
    const ended = await this.#offers.endPlan(id);
    this.#changes += 1;
    this.#plans.value = this.#plans.value?.map((plan) => (plan.id === id ? ended : plan));
  }

  #showListing(listing: OwnListing): void {
    this.#changes += 1;
    this.#listing.value = listing;
  }

  #noteSample(takenAt: string | null): void {
    const listing = this.#listing.value;
    if (listing !== undefined && listing !== 'none') this.#showListing({ ...listing, sample_taken_at: takenAt });
  }

  #lookNow(): void {
    if (this.#isReading) return;
    clearTimeout(this.#timer);
    if (this.#isRunning && !document.hidden) void this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    const problems = await Promise.all([this.#readOffers(), this.#readEarnings()]);
    this.#isReading = false;
    this.#failures = problems.every((problem) => problem === undefined) ? 0 : this.#failures + 1;
    [this.#problem.value, this.#earningsProblem.value] = problems;
    if (this.#isRunning) this.#timer = setTimeout(this.#look, Math.min(pollMs * 2 ** this.#failures, longestPauseMs));
  }

  /** Resolves with what went wrong. Where there is no listing, only this page is expected to make one. */
  async #readOffers(): Promise<string | undefined> {
    const before = this.#changes;
    try {
      const known = this.#listing.value;
      const [listing, plans] = await Promise.all([
        known === 'none' ? undefined : this.#offers.listing(),
        this.#offers.plans(),
      ]);
      if (this.#changes !== before) return undefined;
      this.#listing.value = listing ?? 'none';
      this.#plans.value = plans;
      return undefined;
    } catch (error) {
      return wordsOf(error);
    }
  }

  async #readEarnings(): Promise<string | undefined> {
    try {
      this.#earnings.value = await this.#offers.earnings(Date.now());
      return undefined;
    } catch (error) {
      return wordsOf(error);
    }
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
