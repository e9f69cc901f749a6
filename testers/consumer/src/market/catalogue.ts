import { listingSummarySchema, pageSchema, type Sample, sampleSchema } from '@motience/protocol';
import type { Session } from '@motience/sdk';

/** What is looked for; empty texts are left out. */
export interface CatalogueQuery {
  words: string;
  category: string;
  region: string;
  /** An amount, compared in `currency` per `pricePer`. */
  priceAtMost: string;
  pricePer: string;
  currency: string;
}

const pageSize = 20;
const listingPageSchema = pageSchema(listingSummarySchema);

/** The streams that are listed, at the subscription manager. Every refusal is thrown as a `Refusal`. */
export class Catalogue {
  readonly #url: string;
  readonly #session: Session;

  constructor(subscriptionUrl: string, session: Session) {
    this.#url = subscriptionUrl;
    this.#session = session;
  }

  find(query: CatalogueQuery, cursor: string | null) {
    const url = `${this.#url}/listings?${queryText(query, cursor)}`;
    return this.#session.request({ method: 'GET', url }, listingPageSchema);
  }

  /** Readings of the past that the producer shows to everybody; `not-found` where there are none. */
  sample(producerId: string): Promise<Sample> {
    return this.#session.request({ method: 'GET', url: `${this.#url}/listings/${producerId}/preview` }, sampleSchema);
  }
}

/** The query as the catalogue takes it. */
export function queryText(query: CatalogueQuery, cursor: string | null): string {
  const { words, category, region, priceAtMost, pricePer, currency } = query;
  const price = priceAtMost.trim() === '' ? {} : { price_max: priceAtMost.trim(), price_per: pricePer, currency };
  const all = { q: words.trim(), category: category.trim(), region: region.trim(), ...price };
  const asked = Object.entries(all).filter(([, value]) => value !== '');
  return new URLSearchParams([
    ['limit', String(pageSize)],
    ...asked,
    ...(cursor === null ? [] : [['cursor', cursor]]),
  ]).toString();
}
