import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConsumerClient, ConsumerEventSource, type Gap, ProducerClient } from '../packages/sdk/dist/index.js';
import { type Account, request, signUp, subscribe } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { until } from './socket-client.ts';

let services: ServicesUnderTest;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  services = await ServicesUnderTest.start();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => services?.stop());

/** What a program receives: the number each of its readings carries, and the gaps it is told of. */
class Received {
  readonly values: number[] = [];
  readonly gaps: Gap[] = [];

  /** Reads to the end, as a program's own loop does. */
  async read(client: ConsumerClient | ConsumerEventSource): Promise<void> {
    client.on('gap', (gap) => this.gaps.push(gap));
    for await (const { reading } of client.readings()) this.values.push(Number(reading.data.value));
  }
}

const options = ({ token }: Account) => ({ tokens: { accessToken: async () => token } });
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

function openClient(account: Account, more: { positions?: ConsumerClient['positions'] } = {}): ConsumerClient {
  const client = new ConsumerClient({ gatewayUrl: services.socketUrl('consumer'), ...options(account), ...more });
  closers.push(() => client.stop());
  client.start();
  return client;
}

function openSource(account: Account, producer: Account): ConsumerEventSource {
  const gatewayUrl = services.httpUrl('consumer-gateway');
  const source = new ConsumerEventSource({ gatewayUrl, producerId: producer.id, ...options(account) });
  closers.push(() => source.stop());
  source.start();
  return source;
}

async function subscribedTo(producer: Account): Promise<Account> {
  const consumer = await signUp(services, 'consumer');
  await subscribe(services, consumer, producer);
  return consumer;
}

/** Resolves once the client has been told where the stream starts. */
async function standing(client: ConsumerClient | ConsumerEventSource): Promise<void> {
  await until(() => ('positions' in client ? client.positions.length > 0 : client.position !== undefined));
}

/** A device that streams readings 1, 2, 3 … a few thousand a second, until it is stopped. */
class Device {
  sent = 0;
  readonly client: ProducerClient;
  #isStopped = false;
  readonly #sending: Promise<void>;

  constructor(producer: Account) {
    this.client = new ProducerClient({
      gatewayUrl: services.socketUrl('producer'),
      assignSequence: true,
      ...options(producer),
    });
    closers.push(() => this.client.stop());
    this.client.start();
    this.#sending = this.#send();
  }

  /** Makes no more readings; resolves once all are acknowledged. */
  async finish(): Promise<void> {
    this.#isStopped = true;
    await this.#sending;
    await this.client.settled();
  }

  async #send(): Promise<void> {
    while (!this.#isStopped) {
      const values = Array.from({ length: 20 }, (_, index) => this.sent + index + 1);
      this.sent += values.length;
      const timestamp = new Date().toISOString();
      await this.client.sendAll(values.map((value) => ({ device_id: 'pump', timestamp, data: { value } })));
      await delay(5);
    }
  }
}

describe('consumers of a stream that runs', () => {
  it('get every reading once, in order, over gateways that are killed, over sockets and over HTTP', async () => {
    const producer = await signUp(services, 'producer', ['pump']);
    const [socket, http] = [new Received(), new Received()];
    const client = openClient(await subscribedTo(producer));
    const source = openSource(await subscribedTo(producer), producer);
    const reading = [socket.read(client), http.read(source)];
    await Promise.all([standing(client), standing(source)]);
    const device = new Device(producer);
    for (let round = 1; round <= 2; round += 1) {
      const before = [socket.values.length, http.values.length];
      await until(() => [socket, http].every(({ values }, index) => values.length > (before[index] ?? 0) + 500));
      await services.end('consumer-gateway', 'SIGKILL');
      await services.launch('consumer-gateway');
    }
    await device.finish();
    await until(() => [socket, http].every(({ values }) => values.length >= device.sent));
    await Promise.all([client.stop(), source.stop(), ...reading]);
    for (const { values, gaps } of [socket, http]) {
      expect(values).toEqual(upTo(device.sent));
      expect(gaps).toEqual([]);
    }
  });

  it('go on in another process where they stopped, from saved positions', async () => {
    const producer = await signUp(services, 'producer', ['pump']);
    const consumer = await subscribedTo(producer);
    const first = openClient(consumer);
    await standing(first);
    const device = new Device(producer);
    const values: number[] = [];
    let positions = first.positions;
    await first.stop();
    while (values.length < 5_000) {
      const client = openClient(consumer, { positions });
      const end = values.length + 700;
      for await (const { reading } of client.readings()) {
        // The one in hand when the loop ends is not covered by the positions: it is the first to come again.
        if (values.length === end) break;
        values.push(Number(reading.data.value));
      }
      ({ positions } = client);
      await client.stop();
    }
    await device.finish();
    expect(values).toEqual(upTo(values.length));
  });

  it('are told of time without a subscription as a gap, and get the rest', async () => {
    const producer = await signUp(services, 'producer', ['pump']);
    const consumer = await subscribedTo(producer);
    const [socket, http] = [new Received(), new Received()];
    const client = openClient(consumer);
    void socket.read(client);
    await standing(client);
    const device = new Device(producer);
    await until(() => socket.values.length > 200);
    const source = openSource(consumer, producer);
    const position = client.positions[0];
    const unsubscribed = await request(`${services.httpUrl('subscription-manager')}/unsubscribe`, {
      method: 'DELETE',
      token: consumer.token,
      body: { producer_id: producer.id },
    });
    expect(unsubscribed.status).toBe(200);
    await until(() => source.state.connection.phase === 'stopped');
    const stood = socket.values.length;
    const stored = device.client.state.acknowledged;
    await until(() => device.client.state.acknowledged > stored + 500);
    await subscribe(services, consumer, producer);
    await until(() => socket.gaps.length > 0 && socket.values.length > stood + 200);
    const again = new ConsumerEventSource({
      gatewayUrl: services.httpUrl('consumer-gateway'),
      producerId: producer.id,
      position,
      ...options(consumer),
    });
    closers.push(() => again.stop());
    again.start();
    void http.read(again);
    await until(() => http.gaps.length > 0 && http.values.length > stood + 200 - (position?.seq ?? 0));
    for (const { values, gaps } of [socket, http]) {
      expect(gaps).toMatchObject([{ reason: 'not-entitled' }]);
      const [{ from, to } = { from: 0, to: 0 }] = gaps;
      expect(to - from).toBeGreaterThan(200);
      const first = values[0] ?? 0;
      const due = upTo(values.at(-1) ?? 0).filter((value) => value >= first && (value < from || value > to));
      expect(values).toEqual(due);
    }
    await device.finish();
  });
});
