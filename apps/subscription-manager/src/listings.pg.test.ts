import { listingMeasures } from '@motience/database';
import { type OwnListing, ownListingSchema, readingBody, sampleSchema } from '@motience/protocol';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ApiAccount, refusal } from '../../../tests/support/api-under-test.ts';
import { changeStatus, readOwnListing } from './services/own-listing.ts';
import { type SubscriptionManager, startSubscriptionManager } from './testing/start-subscription-manager.ts';

const weather = {
  title: 'Rooftop weather',
  description: 'Temperature and wind,\nonce a second.',
  category: 'Weather',
  tags: ['Wind', 'wind', 'Temperature'],
  licence: 'CC-BY-4.0',
};

let api: SubscriptionManager;
beforeAll(async () => {
  api = await startSubscriptionManager();
});
afterAll(() => api.stop());

const own = async (as: ApiAccount, route: string, body?: unknown): Promise<OwnListing> => {
  const { status, json } = await api.call(as, route, body);
  if (status >= 300) throw new Error(`${route}: ${status} ${JSON.stringify(json)}`);
  return ownListingSchema.parse(json);
};

async function listed(change: Record<string, unknown> = {}): Promise<ApiAccount> {
  const producer = await api.addAccount('producer');
  await own(producer, 'PUT /listing', { ...weather, ...change });
  return producer;
}

/** Stores readings of a producer as the stream manager does. */
async function store(producer: ApiAccount, data: readonly unknown[], epoch = 'a', from = 1): Promise<void> {
  for (const [place, value] of data.entries()) {
    const body = readingBody(producer.id, {
      deviceId: 'roof',
      timestamp: '2026-03-14T12:00:00Z',
      sequence: undefined,
      dataText: JSON.stringify(value),
    });
    await api.context.database.sql`
      insert into readings (producer_id, epoch, seq, device_id, body)
      values (${producer.id}, ${epoch}, ${from + place}, 'roof', ${body})`;
  }
}

describe('PUT /listing', () => {
  it('makes a draft of what the producer says, and then changes it', async () => {
    const producer = await api.addAccount('producer');
    const place = { name: 'Lisbon', latitude: 38.72, longitude: -9.14 };
    const made = await api.call(producer, 'PUT /listing', { ...weather, place });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      ...weather,
      producer_id: producer.id,
      status: 'draft',
      category: 'weather',
      tags: ['wind', 'temperature'],
      place: { ...place, region: null },
      approval: 'open',
      terms: null,
      published_at: null,
      sample_taken_at: null,
      dictionary: [],
    });
    const changed = await api.call(producer, 'PUT /listing', { ...weather, title: 'Other', approval: 'by-producer' });
    expect(changed.status).toBe(200);
    expect(changed.json).toMatchObject({ title: 'Other', approval: 'by-producer', place: null });
    expect((await api.call(producer, 'GET /listing')).json).toMatchObject({ title: 'Other' });
  });

  it('is one for each producer, also when asked for many times at once', async () => {
    const producer = await api.addAccount('producer');
    const replies = await Promise.all(Array.from({ length: 6 }, () => api.call(producer, 'PUT /listing', weather)));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201]);
  });

  it.each([
    ['no title', { title: undefined }, 'title'],
    ['a title that shows nothing', { title: '\u200b ' }, 'title'],
    ['a title of two lines', { title: 'a\nb' }, 'title'],
    ['a title too long', { title: 'x'.repeat(121) }, 'title'],
    ['half of a surrogate pair', { description: '\ud800' }, 'description'],
    ['an unknown field', { status: 'published' }, 'status'],
    ['tags that are none', { tags: ['good', 7] }, 'tags.1'],
    ['too many tags', { tags: Array.from({ length: 21 }, (_, at) => `tag ${at}`) }, 'tags'],
    ['latitude alone', { place: { latitude: 1 } }, 'place'],
    ['a place that is nowhere', { place: { name: 'x' } }, 'place'],
    ['a latitude past the pole', { place: { latitude: 90.1, longitude: 0 } }, 'place.latitude'],
    ['a longitude that is text', { place: { latitude: 0, longitude: '9' } }, 'place.longitude'],
    ['another approval', { approval: 'closed' }, 'approval'],
  ])('refuses %s and names the field', async (_what, wrong, path) => {
    const producer = await api.addAccount('producer');
    const reply = await api.call(producer, 'PUT /listing', { ...weather, ...wrong });
    expect(refusal(reply)).toMatchObject({ status: 400, kind: 'invalid-request', paths: [path] });
    expect(await api.call(producer, 'GET /listing')).toMatchObject({ status: 204, json: undefined });
  });

  it('and every other route of it is for producers only', async () => {
    const consumer = await api.addAccount('consumer');
    const routes = ['GET /listing', 'PUT /listing', 'PUT /listing/dictionary', 'DELETE /listing/sample'].concat(
      ['publish', 'pause', 'retire', 'sample', 'dictionary/infer'].map((what) => `POST /listing/${what}`),
    );
    for (const route of routes) {
      expect((await api.call(consumer, route)).status).toBe(403);
      expect((await api.call(undefined, route)).status).toBe(401);
    }
  });
});

it('asks Redis before it takes a connection to the database when the own listing is read', async () => {
  const producer = await listed();
  const { database, ownMeasurements } = api.context;
  const inTransaction: unknown[] = [];
  const watched = {
    ...ownMeasurements,
    consume: async (key: string) => {
      const rows = await database.sql`
        select state from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`;
      inTransaction.push(...rows);
      await ownMeasurements.consume(key);
    },
  };
  await readOwnListing({ database, ownMeasurements: watched }, producer.id);
  expect(inTransaction).toEqual([]);
});

describe('the status of a listing', () => {
  const steps = ['publish', 'pause', 'retire'] as const;
  const allowed = {
    draft: { publish: 'published', retire: 'retired' },
    // What it is already, it stays.
    published: { publish: 'published', pause: 'paused', retire: 'retired' },
    paused: { publish: 'published', pause: 'paused', retire: 'retired' },
    retired: { retire: 'retired' },
  } as const;
  const ways = {
    draft: [],
    published: ['publish'],
    paused: ['publish', 'pause'],
    retired: ['retire'],
  } as const satisfies Record<string, readonly (typeof steps)[number][]>;

  it.each(Object.entries(allowed))('goes from %s only where it may', async (status, next) => {
    for (const step of steps) {
      const producer = await listed();
      for (const way of ways[z.enum(['draft', 'published', 'paused', 'retired']).parse(status)]) {
        await own(producer, `POST /listing/${way}`);
      }
      const reply = await api.call(producer, `POST /listing/${step}`);
      const to = new Map<string, string>(Object.entries(next)).get(step);
      if (to === undefined) expect(refusal(reply)).toMatchObject({ status: 409, kind: 'conflict' });
      else expect(reply).toMatchObject({ status: 200, json: { status: to } });
      expect((await own(producer, 'GET /listing')).status).toBe(to ?? status);
    }
  });

  it('changes nothing and counts as no change where it is that already', async () => {
    const producer = await listed();
    const published = await own(producer, 'POST /listing/publish');
    const { changes } = api.context;
    const counted: string[] = [];
    const watched = { ...api.context, changes: { ...changes, consume: async (key: string) => void counted.push(key) } };
    const again = await changeStatus(watched, producer.id, 'publish');
    expect(again).toMatchObject({ status: 'published', updated_at: published.updated_at });
    expect(counted).toEqual([]);
  });

  it('is told of no listing where there is none', async () => {
    const producer = await api.addAccount('producer');
    for (const route of ['POST /listing/publish', 'POST /listing/sample', 'POST /listing/dictionary/infer']) {
      expect(refusal(await api.call(producer, route))).toMatchObject({ status: 404, kind: 'not-found' });
    }
  });

  it('keeps when it was first published, and begins again as a draft after it was retired', async () => {
    const producer = await listed();
    const { published_at } = await own(producer, 'POST /listing/publish');
    expect(published_at).not.toBeNull();
    await own(producer, 'POST /listing/pause');
    expect(await own(producer, 'POST /listing/publish')).toMatchObject({ published_at });
    expect(await own(producer, 'PUT /listing', weather)).toMatchObject({ status: 'published', published_at });
    await own(producer, 'POST /listing/retire');
    expect(await own(producer, 'PUT /listing', weather)).toMatchObject({ status: 'draft', published_at: null });
  });
});

describe('the dictionary of a listing', () => {
  const fields = [
    { path: 'temperature', type: 'number', unit: '°C', description: 'Of the air' },
    { path: 'wind.speed', type: 'number', unit: 'm/s', optional: true },
    { path: 'errors[]', type: 'string' },
  ];

  it('is what the producer wrote', async () => {
    const producer = await listed();
    expect(await own(producer, 'PUT /listing/dictionary', { fields })).toMatchObject({ dictionary: fields });
  });

  it.each([
    ['a path twice', [fields[0], fields[0]], 'fields.1.path'],
    ['a path that is none', [{ path: 'a..b', type: 'number' }], 'fields.0.path'],
    ['a path into a prototype', [{ path: '__proto__.a', type: 'number' }], 'fields.0.path'],
    ['a path that ends in a backslash', [{ path: 'a\\', type: 'number' }], 'fields.0.path'],
    [
      'a field in a number',
      [
        { path: 'a.b', type: 'number' },
        { path: 'a', type: 'number' },
      ],
      'fields.0.path',
    ],
    [
      'elements of an object',
      [
        { path: 'a', type: 'object' },
        { path: 'a[]', type: 'any' },
      ],
      'fields.1.path',
    ],
    ['another type', [{ path: 'a', type: 'float' }], 'fields.0.type'],
    ['too many fields', Array.from({ length: 201 }, (_, at) => ({ path: `f${at}`, type: 'any' })), 'fields'],
  ])('refuses %s and names it', async (_what, wrong, path) => {
    const producer = await listed();
    const reply = await api.call(producer, 'PUT /listing/dictionary', { fields: wrong });
    expect(refusal(reply)).toMatchObject({ status: 400, kind: 'invalid-request', paths: [path] });
  });

  it('is inferred from the last stored readings; what was written of a field stays', async () => {
    const producer = await listed();
    expect(refusal(await api.call(producer, 'POST /listing/dictionary/infer'))).toMatchObject({ status: 409 });
    await store(producer, [{ old: 1 }], 'a');
    await store(
      producer,
      Array.from({ length: 199 }, (_, at) => ({ temperature: at, wind: { speed: 1 } })),
      'b',
    );
    await store(producer, [{ temperature: null, tags: ['x'] }], 'b', 200);
    await own(producer, 'PUT /listing/dictionary', { fields });
    expect((await own(producer, 'POST /listing/dictionary/infer')).dictionary).toEqual([
      { path: 'temperature', type: 'number', unit: '°C', description: 'Of the air', nullable: true },
      { path: 'tags', type: 'array', optional: true },
      { path: 'wind', type: 'object', optional: true },
      { path: 'tags[]', type: 'string' },
      { path: 'wind.speed', type: 'number', unit: 'm/s' },
    ]);
  });

  it('is exported as a JSON Schema of the readings, once the listing is published', async () => {
    const producer = await listed();
    await own(producer, 'PUT /listing/dictionary', { fields });
    const route = `GET /listings/${producer.id}/dictionary/schema`;
    expect((await api.call(undefined, route)).status).toBe(404);
    await own(producer, 'POST /listing/publish');
    const { status, json } = await api.call(undefined, route);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Rooftop weather',
      properties: {
        data: {
          type: 'object',
          properties: {
            temperature: { type: 'number', unit: '°C', description: 'Of the air' },
            wind: { type: 'object', properties: { speed: { type: 'number', unit: 'm/s' } } },
            errors: { type: 'array', items: { type: 'string' } },
          },
          required: ['temperature'],
        },
      },
    });
  });
});

describe('the sample of a listing', () => {
  const values = (sample: unknown) => sampleSchema.parse(sample).readings.map(({ data }) => data.n);

  it('is the last stored readings, in their order, and stays as it is', async () => {
    const producer = await listed();
    expect(refusal(await api.call(producer, 'POST /listing/sample'))).toMatchObject({ status: 409 });
    await store(producer, [{ n: 1 }, { n: 2 }, { n: 3 }], 'a');
    await store(producer, [{ n: 4 }], 'b');
    const taken = await api.call(producer, 'POST /listing/sample', { readings: 3 });
    expect(taken.status).toBe(200);
    expect(values(taken.json)).toEqual([2, 3, 4]);
    expect(sampleSchema.parse(taken.json).readings[0]).toEqual({
      device_id: 'roof',
      timestamp: '2026-03-14T12:00:00Z',
      data: { n: 2 },
    });
    await store(producer, [{ n: 5 }], 'b', 2);
    await own(producer, 'POST /listing/publish');
    const preview = `GET /listings/${producer.id}/preview`;
    expect(values((await api.call(undefined, preview)).json)).toEqual([2, 3, 4]);
    expect(values((await api.call(producer, 'POST /listing/sample')).json)).toEqual([1, 2, 3, 4, 5]);
    expect(values((await api.call(undefined, preview)).json)).toEqual([1, 2, 3, 4, 5]);
    expect((await api.call(producer, 'DELETE /listing/sample')).status).toBe(204);
    expect(refusal(await api.call(undefined, preview))).toMatchObject({ status: 404 });
  });

  it.each([
    ['none', 0],
    ['more than it may have', 101],
    ['a fraction', 1.5],
    ['text', '10'],
  ])('refuses %s', async (_what, readings) => {
    const reply = await api.call(await listed(), 'POST /listing/sample', { readings });
    expect(refusal(reply)).toMatchObject({ status: 400, paths: ['readings'] });
  });

  it('is bounded in its bytes', async () => {
    const producer = await listed();
    const pad = 'x'.repeat(16_000);
    await store(
      producer,
      Array.from({ length: 20 }, (_, n) => ({ n, pad })),
    );
    const { json } = await api.call(producer, 'POST /listing/sample', { readings: 20 });
    expect(values(json)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });
});

describe('the share of readings that fit the dictionary', () => {
  const fitOf = async (producer: ApiAccount) => (await own(producer, 'GET /listing')).measures?.dictionary;

  it('counts each reading at most once, and begins again when the dictionary changes', async () => {
    const producer = await listed();
    await own(producer, 'PUT /listing/dictionary', { fields: [{ path: 'n', type: 'integer' }] });
    expect(await fitOf(producer)).toMatchObject({ share_fitting: null, readings_checked: 0 });
    await store(producer, [{ n: 1 }, { n: 1.5 }, {}, { n: 2, more: true }]);
    const counted = { share_fitting: 0.5, readings_checked: 4, readings_fitting: 2 };
    expect(await fitOf(producer)).toMatchObject(counted);
    expect(await fitOf(producer)).toMatchObject(counted);
    await store(producer, [{ n: null }], 'a', 5);
    await store(producer, [{ n: 7 }], 'b');
    expect(await fitOf(producer)).toMatchObject({ readings_checked: 6, readings_fitting: 3 });
    await own(producer, 'PUT /listing', { ...weather, title: 'Same dictionary' });
    expect(await fitOf(producer)).toMatchObject({ readings_checked: 6 });
    await own(producer, 'PUT /listing/dictionary', { fields: [{ path: 'm', type: 'any' }] });
    expect(await fitOf(producer)).toMatchObject({ readings_checked: 6, readings_fitting: 0 });
  });

  it('checks 100 of the newest at most each time', async () => {
    const producer = await listed();
    await store(
      producer,
      Array.from({ length: 130 }, (_, n) => ({ n: n < 30 ? 'early' : n })),
    );
    await own(producer, 'PUT /listing/dictionary', { fields: [{ path: 'n', type: 'number' }] });
    expect(await fitOf(producer)).toMatchObject({ readings_checked: 100, readings_fitting: 100 });
    const [row] = await api.context.database.db
      .select()
      .from(listingMeasures)
      .where(eq(listingMeasures.producerId, BigInt(producer.id)));
    expect(row).toMatchObject({ checkedEpoch: 'a', checkedSeq: 130 });
  });
});
