import type { NamedSubscription, Plan, Subscription, SubscriptionRequest } from '@motience/protocol';
import { type Session, SubscriptionsClient } from '@motience/sdk';
import { type ReadonlySignal, signal } from '@preact/signals';

const pageSize = 200;
const mostPages = 5;

/** The consumer's subscriptions, and the producers there are. */
export class Subscriptions {
  readonly #session: Session;
  readonly #client: SubscriptionsClient;
  readonly #list = signal<readonly NamedSubscription[] | undefined>(undefined);
  readonly #problem = signal<string | undefined>(undefined);
  readonly #names = new Map<string, string>();
  #loading: Promise<void> | undefined;
  #isStale = false;

  constructor(subscriptionUrl: string, session: Session) {
    this.#session = session;
    this.#client = new SubscriptionsClient({ subscriptionUrl, session });
  }

  /** Undefined until they are known. */
  get list(): ReadonlySignal<readonly NamedSubscription[] | undefined> {
    return this.#list;
  }

  /** What went wrong last. */
  get problem(): ReadonlySignal<string | undefined> {
    return this.#problem;
  }

  /** A producer's username; its id while that is not known. */
  nameOf(producerId: string): string {
    return this.#names.get(producerId) ?? producerId;
  }

  /** Reads them again. Calls made meanwhile share one more reading, which begins after them. */
  load(): Promise<void> {
    this.#isStale = true;
    this.#loading ??= this.#readUntilFresh().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Subscribes on the plan, or on a free one. Rejects with a `Refusal`, `payment-required` where a plan has to be named. */
  async subscribe(
    producer: { id: string; name: string },
    planId?: string,
  ): Promise<Subscription | SubscriptionRequest> {
    if (!this.#names.has(producer.id)) this.#names.set(producer.id, producer.name);
    const answer = await this.#client.subscribe(producer.id, planId);
    await this.load();
    return answer;
  }

  /** The plans a producer offers. */
  plansOf(producerId: string): Promise<Plan[]> {
    return this.#client.plans(producerId);
  }

  async unsubscribe(producerId: string): Promise<void> {
    this.#problem.value = undefined;
    try {
      await this.#client.unsubscribe(producerId);
    } catch (error) {
      this.#problem.value = messageOf(error);
    }
    await this.load();
  }

  /** Producers whose name contains the text. */
  find(text: string, cursor: string | null) {
    return this.#session.producers({ limit: 20, cursor, q: text });
  }

  async #readUntilFresh(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      await this.#read();
    }
  }

  async #read(): Promise<void> {
    try {
      const found: NamedSubscription[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < mostPages; page += 1) {
        const { items, next_cursor }: { items: NamedSubscription[]; next_cursor: string | null } =
          await this.#client.subscriptions({ limit: pageSize, cursor });
        found.push(...items);
        cursor = next_cursor;
        if (cursor === null) break;
      }
      for (const { producer_id, producer_username } of found) this.#names.set(producer_id, producer_username);
      this.#list.value = found;
    } catch (error) {
      this.#problem.value = messageOf(error);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
