import { errorBodySchema, listingSchema, listingSummarySchema, pageSchema } from '@motience/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiAccount, refusal } from '../../../tests/support/api-under-test.ts';
import { measureListings } from './services/measure-listing.ts';
import { type SubscriptionManager, startSubscriptionManager } from './testing/start-subscription-manager.ts';

const requestsPerMinute = 40;
const pageOfListings = pageSchema(listingSummarySchema);

let api: SubscriptionManager;
beforeAll(async () => {
  api = await startSubscriptionManager({ CATALOGUE_REQUESTS_PER_MINUTE: '100000' });
});
afterAll(() => api.stop());
beforeEach(async () => {
  await api.context.database.sql`update listings set status = 'retired'`;
});

const plain = { title: 'Stream', description: 'Readings.', category: 'things', licence: 'CC0' };

interface Parts {
  fields?: readonly unknown[];
  plans?: readonly Record<string, unknown>[];
  measured?: { rate: number; uptime: number };
}

/** A producer with a published listing. */
async function published(listing: Record<string, unknown> = {}, { fields, plans = [], measured }: Parts = {}) {
  const producer = await api.addAccount('producer');
  const must = async (route: string, body?: unknown) => {
    const { status, json } = await api.call(producer, route, body);
    if (status >= 300) throw new Error(`${route}: ${JSON.stringify(json)}`);
  };
  await must('PUT /listing', { ...plain, ...listing });
  if (fields) await must('PUT /listing/dictionary', { fields });
  for (const terms of plans) await must('POST /plans', { name: 'Plan', terms });
  await must('POST /listing/publish');
  if (measured) {
    await api.context.database.sql`
      update listing_measures set rate = ${measured.rate}, uptime = ${measured.uptime} where producer_id = ${producer.id}`;
  }
  return producer;
}

async function find(query = '') {
  const { status, json } = await api.call(undefined, `GET /listings?${query}`);
  if (status !== 200) throw new Error(JSON.stringify(json));
  return pageOfListings.parse(json);
}

/** Whose listings are found, in their order. */
const found = async (query = '') => (await find(query)).items.map(({ producer_id }) => producer_id);
const idsOf = (...producers: ApiAccount[]) => producers.map(({ id }) => id);
/** In any order. */
async function expectFound(query: string, ...producers: ApiAccount[]) {
  expect((await found(query)).sort()).toEqual(idsOf(...producers).sort());
}

describe('the catalogue', () => {
  it('shows published listings to everybody, the newest first, and no others', async () => {
    const [first, second] = [await published(), await published({ title: 'Second' })];
    const draft = await api.addAccount('producer');
    await api.call(draft, 'PUT /listing', plain);
    const paused = await published();
    await api.call(paused, 'POST /listing/pause');
    const retired = await published();
    await api.call(retired, 'POST /listing/retire');
    expect(await found()).toEqual(idsOf(second, first));
    for (const hidden of [draft, paused, retired]) {
      for (const path of ['', '/preview', '/dictionary/schema']) {
        expect((await api.call(undefined, `GET /listings/${hidden.id}${path}`)).status).toBe(404);
      }
    }
  });

  it('names who sells it in the words of the producer, finds them, and does not tell the username', async () => {
    const named = await published({ seller: 'Atlantic Weather' });
    const unnamed = await published();
    const { items } = await find();
    expect(items.map(({ seller }) => seller)).toEqual([null, 'Atlantic Weather']);
    expect(await found('q=atlantic')).toEqual(idsOf(named));
    const { json } = await api.call(undefined, `GET /listings/${named.id}`);
    expect(listingSchema.parse(json).seller).toBe('Atlantic Weather');
    for (const { username } of [named, unnamed]) expect(JSON.stringify([items, json])).not.toContain(username);
  });

  it('finds words in titles before others, and takes them as search engines do', async () => {
    const named = await published({ title: 'Harbour winds' });
    const tagged = await published({ tags: ['wind'] });
    const described = await published({ description: 'Gauges the wind, in gusts.' });
    const field = await published({}, { fields: [{ path: 'wind.speed', type: 'number', unit: 'kn' }] });
    const other = await published({ title: 'Traffic' });
    expect(await found('q=WIND')).toEqual(idsOf(named, tagged, field, described));
    expect(await found('q=wind&sort=newest')).toEqual(idsOf(field, described, tagged, named));
    await expectFound('q=wind%20-gust', named, tagged, field);
    await expectFound('q=traffic%20or%20%22harbour%20winds%22', named, other);
    await expectFound('q=speed', field);
    await expectFound('q=the');
  });

  it('finds categories, tags and regions, whatever their case, and all tags that are named', async () => {
    const both = await published({ category: 'Air', tags: ['Indoor', 'CO₂'], place: { region: 'PT-11' } });
    const one = await published({ category: 'air', tags: ['indoor'] });
    await published({ category: 'water' });
    await expectFound('category=AIR', both, one);
    await expectFound('tag=INDOOR', both, one);
    await expectFound(`tag=indoor&tag=${encodeURIComponent('co₂')}`, both);
    await expectFound('region=pt-11', both);
    await expectFound('category=ai');
  });

  it('finds fields by path or last name, and with their own unit', async () => {
    const celsius = await published({}, { fields: [{ path: 'room.Temperature', type: 'number', unit: '°C' }] });
    const mixed = await published(
      {},
      {
        fields: [
          { path: 'temperature', type: 'number', unit: 'K' },
          { path: 'surface', type: 'number', unit: '°C' },
        ],
      },
    );
    const unit = `unit=${encodeURIComponent('°C')}`;
    await expectFound('field=temperature', celsius, mixed);
    await expectFound('field=ROOM.temperature', celsius);
    await expectFound(unit, celsius, mixed);
    await expectFound(`field=temperature&${unit}`, celsius);
    await expectFound('field=temp');
  });

  it('compares prices in one unit and currency', async () => {
    const price = (terms: Record<string, unknown>) => published({}, { plans: [{ currency: 'EUR', ...terms }] });
    const free = await published({}, { plans: [{ kind: 'free' }] });
    const single = await price({ kind: 'per-reading', price: '0.0005' });
    const thousand = await price({ kind: 'per-1000-readings', price: '0.40' });
    const francs = await price({ kind: 'per-1000-readings', price: '0.40', currency: 'CHF' });
    const hour = await price({ kind: 'per-time', price: '1', per: 'hour' });
    const day = await price({ kind: 'per-time', price: '3', per: 'day' });
    const month = await price({ kind: 'per-time', price: '30', per: 'month' });
    const megabyte = await price({ kind: 'per-megabyte', price: '7' });
    const quota = await price({ kind: 'monthly', price: '30', quota_readings: 10, beyond_quota: 'stop' });
    await published();
    const euros = (unit: string, rest: string) => `currency=EUR&price_per=${unit}&${rest}`;
    await expectFound(euros('1000-readings', 'price_max=0.45'), free, thousand);
    await expectFound(euros('1000-readings', 'price_min=0.40&price_max=0.5'), single, thousand);
    await expectFound('currency=CHF&price_per=1000-readings', free, francs);
    await expectFound(euros('day', 'price_min=1&price_max=3'), day, month);
    await expectFound(euros('day', 'price_min=24&price_max=24'), hour);
    await expectFound(euros('megabyte', 'price_min=0.000001'), megabyte);
    await expectFound(euros('month', 'price_min=30&price_max=30'), quota);
    expect(await found(euros('1000-readings', 'sort=price'))).toEqual(idsOf(free, thousand, single));
  });

  it('does not compare plans that were withdrawn', async () => {
    const producer = await published({}, { plans: [{ kind: 'per-megabyte', price: '7', currency: 'EUR' }] });
    const query = 'currency=EUR&price_per=megabyte';
    const { items } = await find(query);
    const [plan] = items.flatMap(({ plans }) => plans);
    expect(plan).toMatchObject({ producer_id: producer.id, terms: { kind: 'per-megabyte', price: '7.00' } });
    await api.call(producer, `DELETE /plans/${plan?.id}`);
    await expectFound(query);
    expect((await find()).items).toMatchObject([{ plans: [] }]);
  });

  it('finds what lies in a box, also over the antimeridian, and around a place, also at a pole', async () => {
    const at = (latitude: number, longitude: number) => published({ place: { latitude, longitude } });
    const lisbon = await at(38.7223, -9.1393);
    const porto = await at(41.1579, -8.6291);
    const fiji = await at(-17.71, 178.06);
    const samoa = await at(-13.76, -172.1);
    const pole = await at(89.9, 100);
    await published({ place: { region: 'PT' } });
    await expectFound('bbox=-10,36,-6,42.2', lisbon, porto);
    await expectFound('bbox=170,-30,-170,0', fiji, samoa);
    await expectFound('bbox=-170,-30,170,0');
    // 274 km lie between the two.
    await expectFound('near=38.7223,-9.1393&radius_km=273', lisbon);
    await expectFound('near=38.7223,-9.1393&radius_km=275', lisbon, porto);
    await expectFound('near=-15,-179&radius_km=900', fiji, samoa);
    await expectFound('near=89.9,-80&radius_km=23', pole);
    await expectFound('near=0,0&radius_km=20040', lisbon, porto, fiji, samoa, pole);
  });

  it('finds and sorts by rate and uptime as they were measured', async () => {
    const [steady, gappy, silent] = [
      await published({}, { measured: { rate: 1, uptime: 1 } }),
      await published({}, { measured: { rate: 5, uptime: 0.5 } }),
      await published(),
    ];
    expect(await found('sort=rate')).toEqual(idsOf(gappy, steady, silent));
    expect(await found('sort=uptime')).toEqual(idsOf(steady, gappy, silent));
    await expectFound('min_rate=1', steady, gappy);
    await expectFound('min_rate=1.01', gappy);
    await expectFound('min_uptime=0.5', steady, gappy);
    await expectFound('min_uptime=0.51', steady);
    await expectFound('min_uptime=0', steady, gappy);
  });

  it('shows what was measured when a listing was published', async () => {
    const producer = await api.addAccount('producer');
    await api.call(producer, 'PUT /listing', plain);
    await api.context.database.sql`
      with at as (select date_trunc('minute', now()) - interval '2 days' as minute)
      insert into stream_minutes select ${producer.id}, minute, 60, 600, minute, minute, 1, 0, 0, 0, 0 from at`;
    await api.call(producer, 'POST /listing/publish');
    const { json } = await api.call(undefined, `GET /listings/${producer.id}`);
    expect(listingSchema.parse(json).measures).toMatchObject({
      rate: { readings: 0, seconds_counted: 86_400 },
      uptime: { last_30_days: { minutes_with_readings: 1 } },
      dictionary: { share_fitting: null, readings_fitting: 0, readings_checked: 0, since: null },
    });
    expect(await found('min_uptime=0')).toEqual(idsOf(producer));
  });
});

describe('measuring listings', () => {
  const goOn = () => false;
  const measured = async (producer: ApiAccount) => {
    const [row] = await api.context.database.sql<{ at: string; seconds: number }[]>`
      select measured_at::text as at, (figures->'rate'->>'seconds_counted')::int as seconds
      from listing_measures where producer_id = ${producer.id}`;
    return row;
  };
  const age = (producers: readonly ApiAccount[], seconds: number) => api.context.database.sql`
    update listing_measures set measured_at = now() - make_interval(secs => ${seconds})
    where producer_id = any(${idsOf(...producers)}::bigint[])`;

  it('is done again a minute later, and not of one that somebody else is measuring', async () => {
    const { sql } = api.context.database;
    await sql`update listing_measures set measured_at = now() + interval '1 hour'`;
    const [due, other, fresh] = [await published(), await published(), await published()];
    for (const producer of [due, other, fresh]) {
      await sql`
        with at as (select date_trunc('minute', now()) - interval '5 minutes' as minute)
        insert into stream_minutes select ${producer.id}, minute, 1, 1, minute, minute, 1, 0, 0, 0, 0 from at`;
    }
    await age([due], 62);
    await age([other], 61);
    await age([fresh], -3_600);
    await measureListings(api.context.database, () => true);
    expect(await measured(due)).toMatchObject({ seconds: 0 });
    const measureAll = () => measureListings(api.context.database, goOn);
    await sql.begin(async (tx) => {
      await tx`select from listings where producer_id = ${due.id} for update`;
      await measureAll();
    });
    expect((await measured(other))?.seconds).toBeGreaterThanOrEqual(240);
    expect(await measured(due)).toMatchObject({ seconds: 0 });
    await measureAll();
    const again = await measured(due);
    expect(again?.seconds).toBeGreaterThanOrEqual(240);
    await measureAll();
    expect(await measured(due)).toEqual(again);
    expect(await measured(fresh)).toMatchObject({ seconds: 0 });
  });
});

describe('pages of the catalogue', () => {
  const all = async (query: string, between: () => Promise<unknown> = async () => {}) => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await find(`limit=2&${query}${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.items.map(({ producer_id }) => producer_id));
      cursor = page.next_cursor;
      await between();
    }
    return seen;
  };

  it.each(['', 'q=stream', 'sort=rate', 'sort=uptime', 'sort=price&price_per=day&currency=EUR'])(
    'together hold everything once (%s)',
    async (query) => {
      const plans = [{ kind: 'per-time', per: 'day', price: '3', currency: 'EUR' }];
      const producers = await Promise.all(
        [0, 0.5, 0.5, 1 / 3, 1].map((share) =>
          published({}, { measured: { rate: 1 / 3 + share, uptime: share }, plans }),
        ),
      );
      const seen = await all(query);
      expect(seen.toSorted()).toEqual(idsOf(...producers).sort());
      expect(seen).toEqual(await found(query));
    },
  );

  it('neither repeat nor leave out a listing though others come and go meanwhile', async () => {
    const producers: ApiAccount[] = [];
    for (let count = 0; count < 6; count += 1) producers.push(await published());
    const [gone] = producers;
    const newer: ApiAccount[] = [];
    const seen = await all('', async () => {
      newer.push(await published());
      if (newer.length === 1 && gone) await api.call(gone, 'POST /listing/pause');
    });
    expect(seen).toEqual(idsOf(...producers.slice(1)).reverse());
  });

  it('hold what has the same place in the order, too', async () => {
    const producers = await Promise.all(Array.from({ length: 5 }, () => published()));
    await api.context.database.sql`update listings set published_at = '2026-01-01' where status = 'published'`;
    expect((await all('')).sort()).toEqual(idsOf(...producers).sort());
  });

  it('refuse a cursor of another query, and what is none', async () => {
    await Promise.all([published(), published(), published()]);
    const { next_cursor } = await find('limit=2&sort=rate');
    expect((await find(`limit=1&sort=rate&cursor=${next_cursor}`)).items).toHaveLength(1);
    const read = (cursor: string | null) => JSON.parse(Buffer.from(cursor ?? '', 'base64url').toString());
    const write = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const [newest, , id] = read((await find('limit=2')).next_cursor);
    const forgedTimes = ['Infinity', '1e300', '-1', '0.5'].map((key) => `cursor=${write([newest, key, id])}`);
    const content = read(next_cursor);
    const forged = [
      [content[0], 'NaN', content[2]],
      [content[0], '1; drop', content[2]],
      [content[0], '1', '-1'],
      [content[0], 1, content[2]],
      [content[0]],
      null,
    ].map(write);
    const wrong = [
      ...forgedTimes,
      `cursor=${next_cursor}`,
      'cursor=x',
      'cursor=%00',
      'cursor=',
      `cursor=${'e'.repeat(300)}`,
    ].concat(forged.map((cursor) => `sort=rate&cursor=${cursor}`));
    for (const key of ['-Infinity', '1e999', '5e-324']) {
      expect((await api.call(undefined, `GET /listings?sort=rate&cursor=${write([content[0], key, id])}`)).status).toBe(
        200,
      );
    }
    for (const query of wrong) {
      const reply = await api.call(undefined, `GET /listings?${query}`);
      expect([query, refusal(reply)]).toEqual([query, expect.objectContaining({ status: 400, paths: ['cursor'] })]);
    }
  });
});

describe('a query of the catalogue that is wrong', () => {
  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=NaN', 'limit'],
    ['q=', 'q'],
    ['q=%00', 'q'],
    ['q=%20', 'q'],
    [`q=${'x'.repeat(201)}`, 'q'],
    ['q=a&q=b', 'q'],
    ['category=%0a', 'category'],
    ['tag=', 'tag'],
    [Array.from({ length: 11 }, (_, at) => `tag=${at}`).join('&'), 'tag'],
    ['field=%E2%80%AE', 'field'],
    ['unit=', 'unit'],
    ['price_per=year', 'price_per'],
    ['price_max=1&currency=EUR', 'price_per'],
    ['price_min=1&price_per=day', 'currency'],
    ['price_max=-1&price_per=day&currency=EUR', 'price_max'],
    ['price_max=1e3&price_per=day&currency=EUR', 'price_max'],
    ['price_max=0.0000001&price_per=day&currency=EUR', 'price_max'],
    ['price_min=2&price_max=1&price_per=day&currency=EUR', 'price_max'],
    ['currency=XXX', 'currency'],
    ['bbox=1,2,3', 'bbox'],
    ['bbox=1,2,3,4,5', 'bbox'],
    ['bbox=1,5,3,4', 'bbox'],
    ['bbox=-181,2,3,4', 'bbox'],
    ['bbox=NaN,2,3,4', 'bbox'],
    ['bbox=1,2,3,1e300', 'bbox'],
    ['near=1,2', 'radius_km'],
    ['radius_km=1', 'near'],
    ['near=91,0&radius_km=1', 'near'],
    ['near=1&radius_km=1', 'near'],
    ['near=1,2&radius_km=0', 'radius_km'],
    ['near=1,2&radius_km=Infinity', 'radius_km'],
    ['min_rate=-1', 'min_rate'],
    [`min_rate=${'9'.repeat(400)}`, 'min_rate'],
    ['min_uptime=1.1', 'min_uptime'],
    ['min_uptime=NaN', 'min_uptime'],
    ['sort=best', 'sort'],
    ['sort=relevance', 'q'],
    ['sort=price&currency=EUR', 'price_per'],
    ['region=%00', 'region'],
    ['minrate=1', 'minrate'],
  ])('is refused with the name of the field: ?%s', async (query, path) => {
    const reply = await api.call(undefined, `GET /listings?${query}`);
    expect(refusal(reply)).toMatchObject({ status: 400, kind: 'invalid-request', paths: [path] });
  });

  it.each([
    "q='%22%20%26%20!(",
    'q=%3A*%20%7C%20%3C-%3E%20%5C',
    'q=%F0%9F%9B%B0%20%EF%BF%BF%CC%81',
    'q=%FF%FE',
    'region=%ED%A0%80',
    'tag=%25&category=_&field=%5C&unit=%22%5D',
    'field=__proto__&unit=constructor',
    'min_rate=1000000000&min_uptime=0.000000000000001',
    'near=-90,-180&radius_km=20040&bbox=180,-90,-180,90',
    'price_per=day&currency=EUR&price_max=9999999999999.999999',
  ])('is one that finds nothing where it is only odd: ?%s', async (query) => {
    expect((await api.call(undefined, `GET /listings?${query}`)).status).toBe(200);
  });

  it.each(['x', '0', '-1', '9223372036854775808', '%00', "1'--"])('is an id that is none: %s', async (id) => {
    for (const path of ['', '/preview', '/dictionary/schema']) {
      const reply = await api.call(undefined, `GET /listings/${id}${path}`);
      expect(refusal(reply)).toMatchObject({ status: 400, paths: ['producer_id'] });
    }
  });
});

describe('looking into the catalogue', () => {
  it('is limited by address, and signing in does not matter', async () => {
    const limited = await startSubscriptionManager({ CATALOGUE_REQUESTS_PER_MINUTE: String(requestsPerMinute) });
    try {
      const ask = (path: string) => limited.call(undefined, `GET ${path}`);
      const replies = await Promise.all(
        Array.from({ length: requestsPerMinute }, (_, at) => ask(at % 2 === 0 ? '/listings?limit=1' : '/listings/1')),
      );
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 404]));
      const one = ['/listings/1', '/listings/1/preview', '/listings/1/dictionary/schema'];
      for (const path of ['/listings', ...one, '/producers/1/plans']) {
        const { status, json } = await ask(path);
        expect(status).toBe(429);
        expect(errorBodySchema.parse(json).error.message).toContain(`${requestsPerMinute} requests of the catalogue`);
      }
      const producer = await limited.addAccount('producer');
      expect((await limited.call(producer, 'PUT /listing', plain)).status).toBe(201);
    } finally {
      await limited.stop();
    }
  });
});
