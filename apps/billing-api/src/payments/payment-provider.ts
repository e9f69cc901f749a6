import type { Currency, Micros } from '@motience/ledger/pricing';

/** What somebody wants to pay in. */
interface PaymentRequest {
  readonly topUpId: bigint;
  readonly currency: Currency;
  readonly amount: Micros;
}

/** Where it can be paid. */
interface Checkout {
  readonly url: string;
  /** What the provider calls it. */
  readonly reference: string;
}

/** What a provider told us of a payment; amounts in micro-units. */
export type PaymentNews =
  | { kind: 'paid'; topUpId: string; payment: string; currency: string; amount: bigint }
  | { kind: 'expired'; topUpId: string }
  /** `total`: all that was paid back of the payment so far. */
  | { kind: 'refunded'; payment: string; total: bigint }
  /** Money that was taken back until a dispute is decided, and that came back when it was won. */
  | { kind: 'dispute-withdrawn' | 'dispute-reinstated'; payment: string; dispute: string; amount: bigint };

export interface PaymentEvent {
  readonly id: string;
  readonly type: string;
  /** Undefined where it is none of our business. */
  readonly news: PaymentNews | undefined;
}

/** Whoever collects money for us, and tells us of it by signed requests. */
export interface PaymentProvider<Name extends string> {
  readonly name: Name;
  /** The largest amount of micro-units that every amount is a multiple of. */
  readonly step: bigint;
  /** Begins a payment. The same top-up asked for again gives the same checkout. */
  begin(request: PaymentRequest): Promise<Checkout>;
  /** Reads what was sent, byte for byte; refuses with `invalid-request` what the provider has not signed. */
  readEvent(body: Uint8Array, signature: string): Promise<PaymentEvent>;
}
