import { setTimeout as delay } from 'node:timers/promises';
import { type Account, request } from '../../accounts.ts';
import type { Random } from '../random.ts';
import type { ChaosConsumer } from './chaos-consumer.ts';

export interface BuyerOptions {
  name: string;
  account: Account;
  /** Its sockets, which all receive the same. */
  sockets: readonly [ChaosConsumer, ...ChaosConsumer[]];
  /** The plan it is on with each producer. */
  plans: ReadonlyMap<string, string>;
  /** What it pays in each time, in millionths of a euro. */
  portion: number;
  /** Whether it ends subscriptions now and then, and subscribes again. */
  leaves: boolean;
  urls: { subscriptionManager: string; billing: string };
  /** Credits its wallet. */
  admin: { token: string };
  random: Random;
}

const answerWithinMs = 4_000;
/** What was paid in shows by then where nothing is broken. */
const showsAfterMs = 1_000;

/** A consumer that pays, over one socket or several: when its money is gone it pays in more. */
export class Buyer {
  readonly complaints: string[] = [];
  /** In millionths of a euro, as its own books have it. */
  paidIn = 0;
  /** How often it has ended a subscription. */
  leavings = 0;
  private readonly over = new AbortController();
  private isStaying = false;
  private coming: Promise<void> = Promise.resolve();
  private paying: Promise<void> = Promise.resolve();

  constructor(readonly options: BuyerOptions) {}

  get stops(): number {
    return this.options.sockets.reduce((sum, { stops }) => sum + stops, 0);
  }

  /** Pays and comes and goes until `stop`. */
  run(): void {
    this.paying = this.keepPaying();
    if (this.options.leaves) this.coming = this.comeAndGo();
  }

  /** Ends no more subscriptions. Resolves once it has them all. */
  async stay(): Promise<void> {
    this.isStaying = true;
    await this.coming;
    // A request that was given up may have been carried out after the last one.
    for (const producerId of this.options.plans.keys()) await this.subscribe(producerId);
  }

  /** Resolves once nothing more is asked for. */
  async stop(): Promise<void> {
    this.over.abort();
    await Promise.all([this.coming, this.paying]);
  }

  /** Pays in a portion, once, however often it has to be asked for. */
  async payIn(): Promise<void> {
    const { account, admin, name, portion, urls } = this.options;
    const key = `${name}-${this.paidIn}`;
    const body = { account_id: account.id, currency: 'EUR', amount: (portion / 1e6).toFixed(6), key };
    const done = await this.insist(
      `${urls.billing}/admin/top-ups`,
      { method: 'POST', token: admin.token, body },
      [200],
    );
    if (done) this.paidIn += portion;
  }

  /** Subscribes on its plan. */
  async subscribe(producer_id: string): Promise<void> {
    const { account, plans, urls } = this.options;
    const body = { producer_id, plan_id: plans.get(producer_id) };
    const asked = { method: 'POST', token: account.token, body };
    await this.insist(`${urls.subscriptionManager}/subscribe`, asked, [200, 201]);
  }

  private async keepPaying(): Promise<void> {
    const { random, sockets } = this.options;
    while (!this.over.signal.aborted) {
      await this.pause(100);
      if (sockets.every(({ unpaid }) => unpaid.size === 0)) continue;
      await this.pause(random.int(100, 1_500));
      await this.payIn();
      await this.pause(showsAfterMs);
    }
  }

  private async comeAndGo(): Promise<void> {
    const { random, plans, account, urls } = this.options;
    const [first = '', ...others] = plans.keys();
    while (!this.isStaying && !this.over.signal.aborted) {
      await this.pause(random.int(2_000, 8_000));
      if (this.isStaying) return;
      const producerId = random.pick([first, ...others]);
      const asked = { method: 'DELETE', token: account.token, body: { producer_id: producerId } };
      // Not found: it was ended by a request whose answer did not come.
      await this.insist(`${urls.subscriptionManager}/unsubscribe`, asked, [200, 404]);
      this.leavings += 1;
      await this.pause(random.int(100, 3_000));
      await this.subscribe(producerId);
    }
  }

  /** Asks again and again while the service or what it needs is away; whether it was done. */
  private async insist(url: string, asked: Parameters<typeof request>[1], done: number[]): Promise<boolean> {
    while (!this.over.signal.aborted) {
      const reply = await request(url, { ...asked, timeoutMs: answerWithinMs }).catch(() => undefined);
      if (reply && done.includes(reply.status)) return true;
      if (reply && reply.status < 500 && reply.status !== 429) {
        this.complaints.push(`${asked?.method} ${url} was answered with ${reply.status} ${JSON.stringify(reply.body)}`);
        return false;
      }
      await this.pause(300);
    }
    return false;
  }

  private async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.over.signal }).catch(() => {});
  }
}
