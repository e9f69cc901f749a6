import { type PrivateEngine, startPrivateRedis } from '@motience/engines/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { StreamCorner, type TestAccount } from '../../../tests/support/stream-corner.ts';
import { eventually, TestSocket } from '../../../tests/support/test-socket.ts';
import { CreditOffice } from './credit-office.fixture.ts';

let redis: PrivateEngine;
let corner: StreamCorner;
let office: CreditOffice;

beforeAll(async () => {
  redis = await startPrivateRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  corner = await StreamCorner.open(redis.url);
  office = new CreditOffice(corner);
});
afterEach(() => corner.close());

const subscriptionId = '77';
const many = (count: number) => Array.from({ length: count }, (_, at) => ({ n: at }));
const seqs = (socket: TestSocket) => socket.readings.map(({ seq }) => seq);
const last = (socket: TestSocket) => Number(seqs(socket).at(-1) ?? 0);

async function metered() {
  const producer = await corner.account('producer', ['a']);
  const consumer = await corner.account('consumer');
  await corner.rights.grant({
    kind: 'subscription',
    accountId: consumer.id,
    item: producer.id,
    since: 0,
    subscriptionId,
  });
  return { producer, consumer };
}

async function runGateway() {
  const app = corner.run('consumer-gateway');
  const url = `ws://127.0.0.1:${await app.listening}/consumer`;
  const open = async ({ token }: TestAccount, query = '') => {
    const socket = await TestSocket.open(url, { token, query });
    onTestFinished(() => socket.close());
    await eventually(() => expect(socket.ofType('welcome')).toHaveLength(1));
    return socket;
  };
  return { app, open };
}

/** A consumer whose gateway was killed before it could report all that the consumer got. */
async function killedBeforeItReported() {
  const { producer, consumer } = await metered();
  await office.give(subscriptionId, { units: 100_000 });
  const [first, second] = [await runGateway(), await runGateway()];
  const socket = await first.open(consumer);
  await corner.publish(producer.id, many(10));
  // So much is reported, and with it where the reception stands.
  await eventually(async () => expect(await office.ranges(subscriptionId)).toEqual(['1-10']));
  let reported = 10;
  // Readings that arrive in the second before the kill.
  await eventually(async () => {
    await corner.publish(producer.id, many(50));
    await eventually(() => expect(last(socket)).toBeGreaterThan(reported));
    const to = (await office.delivered(subscriptionId))[0]?.to ?? 0;
    reported = Math.max(reported, to);
    expect(last(socket)).toBeGreaterThan(to);
  });
  await first.app.end('SIGKILL');
  await socket.closed;
  const got = last(socket);
  const before = (await office.delivered(subscriptionId))[0]?.to ?? 0;
  expect(before).toBeLessThan(got);
  const { epoch } = await corner.head(producer.id);
  await corner.publish(producer.id, many(20));
  const resume = async (after: number) => {
    const again = await second.open(consumer, 'mode=manual');
    again.send({ type: 'subscribe', producer_id: producer.id, epoch, after });
    return again;
  };
  return { producer, got, resume };
}

it('what a gateway that was killed did not come to report is reported when its consumer goes on', async () => {
  const { producer, got, resume } = await killedBeforeItReported();
  const again = await resume(got);
  await eventually(() => expect(again.readings).toHaveLength((again.readings.at(-1)?.seq as number) - got));
  await eventually(() => expect(last(again)).toBeGreaterThan(got));
  await eventually(async () => expect(await office.ranges(subscriptionId)).toEqual([`1-${last(again)}`]));
  const size = Buffer.byteLength(corner.readingText(producer.id, { n: 1 }));
  const [span] = await office.delivered(subscriptionId);
  expect(span?.bytesThrough).toBeGreaterThanOrEqual(last(again) * size);
});

it('is not forgotten because its consumer looks at what came before first', { timeout: 40_000 }, async () => {
  const { got, resume } = await killedBeforeItReported();
  // The gateway counts as gone.
  await eventually(async () => expect(await office.credit(subscriptionId)).toMatchObject({ leased: 0 }), 10_000);
  // Credit for three readings, and no more.
  await office.give(subscriptionId, { units: -200_000 });
  await office.give(subscriptionId, { units: 3, state: 'stopped', reason: 'insufficient-funds' });
  const earlier = await resume(2);
  await eventually(() => expect(earlier.ofType('unsubscribed')).toHaveLength(1));
  expect(seqs(earlier)).toEqual([3, 4, 5]);
  earlier.close();
  await office.give(subscriptionId, { units: 1_000 });
  const again = await resume(got);
  await eventually(() => expect(last(again)).toBeGreaterThan(got));
  await eventually(async () => expect(await office.ranges(subscriptionId)).toEqual([`1-${last(again)}`]));
});

it('a Redis that was restarted brings nothing before there is credit again, and nothing twice', async () => {
  const { producer, consumer } = await metered();
  await office.give(subscriptionId, { units: 100_000 });
  const { open } = await runGateway();
  const socket = await open(consumer);
  await corner.publish(producer.id, many(30));
  await eventually(() => expect(seqs(socket)).toHaveLength(30));
  const { epoch: former } = await corner.head(producer.id);
  await redis.kill();
  await redis.restart();
  await corner.publish(producer.id, many(5));
  // The new epoch is told once rights were read again; readings are not sent.
  await eventually(async () => expect((await office.credit(subscriptionId)).interestedAtMs).toBeGreaterThan(0), 20_000);
  await eventually(async () =>
    expect((await office.delivered(subscriptionId)).map(({ epoch, from, to }) => [epoch, from, to])).toEqual([
      [former, 1, 30],
    ]),
  );
  expect(seqs(socket)).toHaveLength(30);
  await office.give(subscriptionId, { units: 100 });
  await eventually(() => expect(seqs(socket).slice(30)).toEqual([1, 2, 3, 4, 5]));
  const { epoch } = await corner.head(producer.id);
  await eventually(async () =>
    expect((await office.delivered(subscriptionId)).map((span) => [span.epoch, span.from, span.to])).toEqual(
      [
        [former, 1, 30],
        [epoch, 1, 5],
      ].sort(),
    ),
  );
});

it('a gateway that stops reports all that left it', async () => {
  const { producer, consumer } = await metered();
  await office.give(subscriptionId, { units: 100_000 });
  const { app, open } = await runGateway();
  const socket = await open(consumer);
  await corner.publish(producer.id, many(40));
  await eventually(() => expect(seqs(socket)).toHaveLength(40));
  await app.end('SIGTERM');
  expect(await office.ranges(subscriptionId)).toEqual(['1-40']);
  expect(await office.credit(subscriptionId)).toMatchObject({ leased: 0 });
});
