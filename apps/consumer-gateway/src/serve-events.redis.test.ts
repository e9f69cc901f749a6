import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { openConsumer, upTo } from '../../../tests/support/streaming-consumer.ts';
import { eventually } from '../../../tests/support/test-socket.ts';
import { Events } from './events.fixture.ts';

let corner: StreamCorner;
let gateway: AppProcess;

beforeAll(async () => {
  corner = await StreamCorner.open(undefined, { database: true });
  gateway = corner.run('consumer-gateway');
});
afterAll(() => corner.close());

/** A consumer that is subscribed to a producer, and how it opens its events. */
async function subscribed() {
  const producer = await corner.account('producer', ['a', 'b']);
  const consumer = await corner.account('consumer', [producer.id]);
  const authorization = { authorization: `Bearer ${consumer.token}` };
  const open = (headers: Record<string, string> = {}, query: Record<string, string> = {}) =>
    Events.open(gateway, { producer_id: producer.id, ...query }, { ...authorization, ...headers });
  return { producer, consumer, open };
}

describe('server-sent events', () => {
  it('are the readings of one stream, byte for byte as on a socket, each with its position as id', async () => {
    const { producer, consumer, open } = await subscribed();
    const socket = await openConsumer(gateway, consumer.token);
    const events = await open();
    expect(events.response.headers.get('content-type')).toBe('text/event-stream');
    await eventually(() => expect(events.frames('subscribed')).toHaveLength(1));
    const { epoch } = await corner.head(producer.id);
    const told = { type: 'subscribed', producer_id: producer.id, epoch, seq: 0, recovered: false };
    expect(events.frames('subscribed')).toEqual([told]);
    for (const value of [1, { text: 'é🛰' }, 3]) await corner.publish(producer.id, [value, value]);
    await eventually(() => expect(events.readings).toHaveLength(6));
    await eventually(() => expect(socket.readings).toHaveLength(6));
    expect(events.readings.map(({ data }) => data)).toEqual(socket.texts.slice(1));
    expect(events.readings.map(({ id }) => id)).toEqual(upTo(6).map((seq) => `${epoch}:${seq}`));
  });

  it('take the token of a plain EventSource from the query', async () => {
    const { producer, consumer } = await subscribed();
    const events = await Events.open(gateway, { producer_id: producer.id, token: consumer.token });
    await eventually(() => expect(events.frames('subscribed')).toHaveLength(1));
    expect(events.response.headers.get('access-control-allow-origin')).toBe('*');
  });

  it.each([
    ['header', (id: string) => [{ 'last-event-id': id }, {}] as const],
    ['query', (id: string) => [{}, { last_event_id: id }] as const],
  ])('go on after the last event id in the %s, while the stream runs', async (_, asked) => {
    const { producer, open } = await subscribed();
    let sent = 0;
    let isRunning = true;
    const running = (async () => {
      for (; isRunning; sent += 20) await corner.publish(producer.id, upTo(20));
    })();
    await eventually(() => expect(sent).toBeGreaterThan(1_000));
    const { epoch } = await corner.head(producer.id);
    const events = await open(...asked(`${epoch}:17`));
    await eventually(() => expect(events.seqs.at(-1)).toBeGreaterThan(sent - 500));
    isRunning = false;
    await running;
    await eventually(() => expect(events.seqs.at(-1)).toBe(sent));
    expect(events.seqs).toEqual(upTo(sent).slice(17));
    expect(events.frames('subscribed')).toMatchObject([{ epoch, seq: 17, recovered: true }]);
  });

  it('are narrowed to one device, and tell the position of what is left out', async () => {
    const { producer, open } = await subscribed();
    const events = await open({}, { device_id: 'b' });
    await eventually(() => expect(events.frames('subscribed')).toHaveLength(1));
    for (const device of ['a', 'b', 'a']) await corner.publish(producer.id, [{}], device);
    await eventually(() => expect(events.frames('position').at(-1)).toMatchObject({ seq: 3 }));
    expect(events.seqs).toEqual([2]);
  });

  it('stay open while nothing is sent for long, and say where they stand', async () => {
    const { producer, open } = await subscribed();
    const events = await open();
    await eventually(() => expect(events.frames('position').length).toBeGreaterThanOrEqual(3), 15_000);
    await corner.publish(producer.id, [{}]);
    await eventually(() => expect(events.seqs).toEqual([1]));
    expect(events.ended).toBe(false);
  });

  it('wait for a reader that is slow, who gets everything later', async () => {
    const { producer, consumer, open } = await subscribed();
    const { epoch } = await corner.head(producer.id);
    const text = 'x'.repeat(15_000);
    for (let round = 0; round < 20; round += 1)
      await corner.publish(
        producer.id,
        Array.from({ length: 50 }, () => text),
      );
    const url = `http://127.0.0.1:${await gateway.listening}/consumer/sse?producer_id=${producer.id}`;
    const headers = { authorization: `Bearer ${consumer.token}`, 'last-event-id': `${epoch}:0` };
    const slow = await fetch(url, { headers });
    const events = await open({ 'last-event-id': `${epoch}:0` });
    await eventually(() => expect(events.readings).toHaveLength(1_000));
    await corner.publish(producer.id, [{}]);
    const late = new Events(slow, () => void slow.body?.cancel());
    await eventually(() => expect(late.readings).toHaveLength(1_001));
    expect(late.seqs).toEqual(upTo(1_001));
  });

  it('tell an epoch that is not known, and what will not come', async () => {
    const { producer, open } = await subscribed();
    await corner.publish(producer.id, [{}]);
    const events = await open({ 'last-event-id': 'lost:4' });
    await eventually(() => expect(events.seqs).toEqual([1]));
    expect(events.all.map(({ event }) => event)).toEqual(['subscribed', 'gap', 'message']);
    expect(events.frames('gap')).toMatchObject([{ epoch: 'lost', from: 5 }]);
  });
});

describe('a request for events that may not be served', () => {
  it.each([
    ['without a token', {}],
    ['with a token that is none', { authorization: 'Bearer x' }],
  ])('%s is answered 401, also to a page from elsewhere', async (_, headers) => {
    const response = await fetch(`http://127.0.0.1:${await gateway.listening}/consumer/sse?producer_id=1`, { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await response.json()).toMatchObject({ error: { kind: 'unauthenticated', request_id: expect.any(String) } });
  });

  it('of a stream without a subscription is answered 403', async () => {
    const { open } = await subscribed();
    const other = await corner.account('producer', ['a']);
    expect((await open({}, { producer_id: other.id })).response.status).toBe(403);
  });

  it.each([
    ['producer_id', {}, { producer_id: 'x' }],
    ['device_id', {}, { device_id: 'no device' }],
    ['last_event_id', {}, { last_event_id: '7' }],
    ['Last-Event-ID', { 'last-event-id': 'x:y' }, {}],
  ])('with a wrong %s is answered 400, which names it', async (field, headers, query) => {
    const { consumer, producer } = await subscribed();
    const url = `http://127.0.0.1:${await gateway.listening}/consumer/sse?${new URLSearchParams({ producer_id: producer.id, ...query })}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${consumer.token}`, ...headers } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { kind: 'invalid-request', message: expect.stringContaining(`${field}: expected`) },
    });
  });

  it('is asked about by a browser first', async () => {
    const url = `http://127.0.0.1:${await gateway.listening}/consumer/sse`;
    const response = await fetch(url, { method: 'OPTIONS' });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-headers')).toContain('last-event-id');
  });
});

describe('rights', () => {
  it('that end with the subscription end the events', async () => {
    const { producer, consumer, open } = await subscribed();
    const events = await open();
    await eventually(() => expect(events.frames('subscribed')).toHaveLength(1));
    await corner.rights.revoke({ kind: 'subscription', accountId: consumer.id, item: producer.id });
    await eventually(() => expect(events.ended).toBe(true));
    expect(events.all.at(-1)).toMatchObject({ event: 'unsubscribed' });
    expect(events.frames('unsubscribed')).toMatchObject([{ reason: 'subscription-ended' }]);
  });

  it('that end with the session end the events', async () => {
    const { consumer, open } = await subscribed();
    const events = await open();
    await eventually(() => expect(events.frames('subscribed')).toHaveLength(1));
    await corner.rights.revoke({ kind: 'session', accountId: consumer.id, item: consumer.sessionId });
    await eventually(() => expect(events.ended).toBe(true));
    expect(events.frames('error')).toMatchObject([{ kind: 'unauthenticated' }]);
  });

  it('count event streams among the sockets of an account', async () => {
    const app = corner.run('consumer-gateway', { SOCKETS_PER_ACCOUNT: '1' });
    const { producer, consumer } = await subscribed();
    await openConsumer(app, consumer.token);
    const url = `http://127.0.0.1:${await app.listening}/consumer/sse?producer_id=${producer.id}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${consumer.token}` } });
    expect(response.status).toBe(429);
  });
});

describe('a planned stop', () => {
  it('ends the events', async () => {
    const app = corner.run('consumer-gateway');
    const { producer, consumer } = await subscribed();
    const url = `http://127.0.0.1:${await app.listening}/consumer/sse?producer_id=${producer.id}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${consumer.token}` } });
    const whole = response.text();
    expect(await app.end('SIGTERM')).toMatchObject({ code: 0 });
    expect(await whole).toContain('event: subscribed');
  });
});
