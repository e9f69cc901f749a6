import {
  checkoutSchema,
  type ShownLimits,
  shownLimitsSchema,
  type WalletLine,
  type WalletList,
  walletLinePageSchema,
  walletListSchema,
} from '@motience/protocol';
import type { Session } from '@motience/sdk';
import type { WantedLimit } from './spending-limits.ts';

const linesAtOnce = 100;
const timeoutMs = 8_000;

/** The signed-in consumer's money, at the billing service. Every refusal is thrown as a `Refusal`. */
export class Billing {
  readonly #url: string;
  readonly #session: Session;

  constructor(billingUrl: string, session: Session) {
    this.#url = billingUrl;
    this.#session = session;
  }

  wallets(): Promise<WalletList> {
    return this.#session.request({ method: 'GET', url: `${this.#url}/wallets`, timeoutMs }, walletListSchema);
  }

  /** Newest first. */
  lines(currency: string, cursor: string | null): Promise<{ items: WalletLine[]; next_cursor: string | null }> {
    const page = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const url = `${this.#url}/wallets/${currency}/lines?limit=${linesAtOnce}${page}`;
    return this.#session.request({ method: 'GET', url, timeoutMs }, walletLinePageSchema);
  }

  limits(): Promise<ShownLimits> {
    return this.#session.request({ method: 'GET', url: `${this.#url}/limits`, timeoutMs }, shownLimitsSchema);
  }

  /** These are all there are from then on. */
  setLimits(limits: readonly WantedLimit[]): Promise<ShownLimits> {
    const call = { method: 'PUT', url: `${this.#url}/limits`, body: { limits } } as const;
    return this.#session.request(call, shownLimitsSchema);
  }

  /** Begins a top-up; resolves with the page of the payment provider. */
  async topUp(currency: string, amount: string): Promise<string> {
    const call = { method: 'POST', url: `${this.#url}/top-ups`, body: { currency, amount } } as const;
    return (await this.#session.request(call, checkoutSchema)).checkout_url;
  }
}
