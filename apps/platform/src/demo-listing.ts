import { setTimeout as wait } from 'node:timers/promises';
import {
  type NewListing,
  type OwnListing,
  ownListingSchema,
  pageSchema,
  planSchema,
  Refusal,
  sampleSchema,
} from '@motience/protocol';
import type { Session } from '@motience/sdk';

const listing: NewListing = {
  title: 'This very machine',
  seller: 'Motience',
  description:
    'What the machine that Motience runs on measures of itself, each second: processor, memory, load, disk, network.',
  category: 'computing',
  tags: ['demo', 'system'],
  licence: 'CC0-1.0',
  terms: null,
  place: { name: 'Here', region: 'localhost' },
  approval: 'open',
};

/** One to receive it with, and one to see how paying works: its trial is over within two minutes. */
const plans = [
  { name: 'Free', terms: { kind: 'free' } },
  {
    name: 'Paid, to try it out',
    terms: { kind: 'per-1000-readings', price: '0.25', currency: 'EUR', trial: { readings: 100 } },
  },
] as const;

const sampleEveryMs = 2_000;
const mostTries = 60;

/** The demo producer's listing in the catalogue, as the demo makes it. */
export class DemoListing {
  constructor(
    private readonly session: Session,
    private readonly subscriptionUrl: string,
  ) {}

  /** Publishes the listing and offers plans; what the producer has of them already stays as it is. */
  async publish(): Promise<void> {
    const { status } = (await this.find()) ?? (await this.call('PUT', '/listing', ownListingSchema, listing));
    if (status === 'draft') await this.call('POST', '/listing/publish', ownListingSchema);
    const { items } = await this.call('GET', '/plans?limit=1', pageSchema(planSchema));
    if (items.length > 0) return;
    for (const plan of plans) await this.call('POST', '/plans', planSchema, plan);
  }

  /** Waits for the first readings, describes their fields and shows some of them to everybody. At once if that was done. */
  async describe(signal: AbortSignal): Promise<void> {
    if ((await this.find())?.sample_taken_at !== null) return;
    for (let tried = 0; tried < mostTries; tried += 1) {
      await wait(sampleEveryMs, undefined, { signal });
      try {
        await this.call('POST', '/listing/sample', sampleSchema, { readings: 5 });
        await this.call('POST', '/listing/dictionary/infer', ownListingSchema);
        return;
      } catch (error) {
        const isEmpty = error instanceof Refusal && error.kind === 'conflict';
        if (!isEmpty) throw error;
      }
    }
  }

  private find(): Promise<OwnListing | undefined> {
    return this.call('GET', '/listing', ownListingSchema.optional());
  }

  private call<Schema extends Parameters<Session['request']>[1]>(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    schema: Schema,
    body?: unknown,
  ) {
    return this.session.request({ method, url: `${this.subscriptionUrl}${path}`, body }, schema);
  }
}
