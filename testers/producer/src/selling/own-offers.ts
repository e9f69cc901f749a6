import {
  type Earnings,
  earningsSchema,
  type OwnListing,
  ownListingSchema,
  type Plan,
  pageSchema,
  planSchema,
  type Sample,
  sampleSchema,
} from '@motience/protocol';
import type { Session } from '@motience/sdk';
import type { PageConfig } from '@motience/testers-kit';
import { z } from 'zod';

const timeoutMs = 8_000;
const pageSize = 200;
const mostPages = 10;
const dayMs = 86_400_000;
const planPageSchema = pageSchema(planSchema);

/** The signed-in producer's listing, plans and earnings, over HTTP. Every refusal is thrown as a `Refusal`. */
export class OwnOffers {
  readonly #marketUrl: string;
  readonly #billingUrl: string;
  readonly #session: Session;

  constructor(config: Pick<PageConfig, 'subscription_url' | 'billing_url'>, session: Session) {
    this.#marketUrl = config.subscription_url;
    this.#billingUrl = config.billing_url;
    this.#session = session;
  }

  /** Undefined where there is none yet. */
  listing(): Promise<OwnListing | undefined> {
    const call = { method: 'GET', url: `${this.#marketUrl}/listing`, timeoutMs } as const;
    return this.#session.request(call, ownListingSchema.optional());
  }

  putListing(body: object): Promise<OwnListing> {
    return this.#session.request({ method: 'PUT', url: `${this.#marketUrl}/listing`, body }, ownListingSchema);
  }

  moveListing(step: 'publish' | 'pause'): Promise<OwnListing> {
    return this.#session.request({ method: 'POST', url: `${this.#marketUrl}/listing/${step}` }, ownListingSchema);
  }

  takeSample(readings: number): Promise<Sample> {
    const call = { method: 'POST', url: `${this.#marketUrl}/listing/sample`, body: { readings } } as const;
    return this.#session.request(call, sampleSchema);
  }

  async removeSample(): Promise<void> {
    await this.#session.request({ method: 'DELETE', url: `${this.#marketUrl}/listing/sample` }, z.unknown());
  }

  /** All of them, oldest first, those that were ended too. */
  async plans(): Promise<Plan[]> {
    const found: Plan[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < mostPages; page += 1) {
      const after: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const url = `${this.#marketUrl}/plans?limit=${pageSize}${after}`;
      const { items, next_cursor } = await this.#session.request({ method: 'GET', url, timeoutMs }, planPageSchema);
      found.push(...items);
      cursor = next_cursor;
      if (cursor === null) break;
    }
    return found;
  }

  addPlan(body: object): Promise<Plan> {
    return this.#session.request({ method: 'POST', url: `${this.#marketUrl}/plans`, body }, planSchema);
  }

  /** Nobody can subscribe on it any more; who has it keeps it until its notice has passed. */
  endPlan(id: string): Promise<Plan> {
    return this.#session.request({ method: 'DELETE', url: `${this.#marketUrl}/plans/${id}` }, planSchema);
  }

  /** What was sold on each plan in the last year, today (UTC) included. */
  async earnings(now: number): Promise<Earnings['items']> {
    const [from, to] = [now - 365 * dayMs, now + dayMs].map((at) => new Date(at).toISOString().slice(0, 10));
    const url = `${this.#billingUrl}/earnings?group_by=plan&from=${from}&to=${to}&limit=${pageSize}`;
    return (await this.#session.request({ method: 'GET', url, timeoutMs }, earningsSchema)).items;
  }
}
