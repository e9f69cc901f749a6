import {
  namedSubscriptionSchema,
  type Plan,
  pageSchema,
  plansSchema,
  type Subscription,
  type SubscriptionRequest,
  subscriptionRequestSchema,
  subscriptionSchema,
} from '@motience/protocol';
import { z } from 'zod';
import { baseUrl } from './auth-client.ts';
import { type PageQuery, pageQueryText } from './page-query.ts';
import type { Session } from './session.ts';

export interface SubscriptionsClientOptions {
  /** Address of the subscription manager, such as `http://127.0.0.1:3002`. */
  subscriptionUrl: string;
  session: Session;
}

const subscribedSchema = z.union([subscriptionSchema, subscriptionRequestSchema]);
const namedSubscriptionPageSchema = pageSchema(namedSubscriptionSchema);

/** Who receives whom, at the subscription manager. Every refusal is thrown as a `Refusal`. */
export class SubscriptionsClient {
  readonly #url: string;
  readonly #session: Session;

  constructor(options: SubscriptionsClientOptions) {
    this.#url = baseUrl(options.subscriptionUrl);
    this.#session = options.session;
  }

  /**
   * Subscribes the signed-in consumer, on the plan that is named or a free one; gives the subscription that is already
   * active if there is one, or a request, with status `pending`, where the producer approves each consumer.
   * `payment-required` where a plan has to be named.
   */
  subscribe(producerId: string, planId?: string): Promise<Subscription | SubscriptionRequest> {
    const body = { producer_id: producerId, ...(planId === undefined ? {} : { plan_id: planId }) };
    return this.#session.request({ method: 'POST', url: `${this.#url}/subscribe`, body }, subscribedSchema);
  }

  /** Ends the signed-in consumer's subscription; delivery stops, also on open sockets. `not-found` if there is none. */
  unsubscribe(producerId: string): Promise<Subscription> {
    const call = { method: 'DELETE', url: `${this.#url}/unsubscribe`, body: { producer_id: producerId } } as const;
    return this.#session.request(call, subscriptionSchema);
  }

  /** The plans that a producer offers, oldest first: what can be named where `subscribe` says `payment-required`. */
  async plans(producerId: string): Promise<Plan[]> {
    const url = `${this.#url}/producers/${encodeURIComponent(producerId)}/plans`;
    return (await this.#session.request({ method: 'GET', url }, plansSchema)).items;
  }

  /** One page of a consumer's subscriptions; of the signed-in account by default. */
  subscriptions(query: PageQuery = {}, consumerId: string = this.#session.user.id) {
    const url = `${this.#url}/subscriptions/${encodeURIComponent(consumerId)}${pageQueryText(query)}`;
    return this.#session.request({ method: 'GET', url }, namedSubscriptionPageSchema);
  }

  /** One page of a producer's subscribers; of the signed-in account by default. */
  subscribers(query: PageQuery = {}, producerId: string = this.#session.user.id) {
    const url = `${this.#url}/subscribers/${encodeURIComponent(producerId)}${pageQueryText(query)}`;
    return this.#session.request({ method: 'GET', url }, namedSubscriptionPageSchema);
  }
}
