import { type Plan, Refusal } from '@motience/protocol';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';

/** A producer as it is called where it was found. */
export interface Wanted {
  id: string;
  name: string;
}

/** What is to be said beside a producer that a subscription is wanted to. */
export interface Choosing extends Wanted {
  /** Offered, one of which has to be named; empty where there is none. Undefined where nothing has to be chosen. */
  plans?: readonly Plan[];
  /** The producer was asked to let the consumer in. */
  isAsked?: boolean;
  problem?: string;
}

/** Subscribes, and asks for a plan where one has to be named: nobody is charged without having named it. */
export class PlanChooser {
  readonly #subscriptions: Subscriptions;
  readonly #choosing = signal<Choosing | undefined>(undefined);
  readonly #busy = signal<string | undefined>(undefined);

  constructor(subscriptions: Subscriptions) {
    this.#subscriptions = subscriptions;
  }

  get choosing(): ReadonlySignal<Choosing | undefined> {
    return this.#choosing;
  }

  /** The producer that is being subscribed to. */
  get busy(): ReadonlySignal<string | undefined> {
    return this.#busy;
  }

  /** Subscribes on the plan, or on a free one; where there is none, shows those that can be named. */
  async subscribe(producer: Wanted, planId?: string): Promise<void> {
    this.#busy.value = producer.id;
    try {
      const { status } = await this.#subscriptions.subscribe(producer, planId);
      this.#choosing.value = status === 'active' ? undefined : { ...producer, isAsked: true };
    } catch (error) {
      this.#choosing.value = await this.#afterRefusal(producer, error);
    } finally {
      this.#busy.value = undefined;
    }
  }

  /** Shows the plans of a producer without subscribing. */
  choose(producer: Wanted, plans: readonly Plan[]): void {
    this.#choosing.value = { ...producer, plans };
  }

  cancel(): void {
    this.#choosing.value = undefined;
  }

  async #afterRefusal(producer: Wanted, error: unknown): Promise<Choosing> {
    if (!(error instanceof Refusal && error.kind === 'payment-required'))
      return { ...producer, problem: wordsOf(error) };
    try {
      return { ...producer, plans: await this.#subscriptions.plansOf(producer.id) };
    } catch (trouble) {
      return { ...producer, problem: wordsOf(trouble) };
    }
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
