/** The commands of the reference documentation, with nothing changed but ports and tokens. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signUp, subscribe } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { SocketClient, until } from './socket-client.ts';

const registerCommand = `curl -X POST http://localhost:3001/register \\
  -H "Content-Type: application/json" \\
  -d '{"username":"producer1","password":"pass123","role":"producer","device_id":"rpi_001"}'`;

const producerSends = `{
  "device_id": "rpi_001",
  "timestamp": "2025-01-29T11:35:00Z",
  "data": {
    "temperature": 24.3,
    "humidity": 51,
    "pressure": 1013.25
  }
}`;

/** What the reference's documentation shows a consumer to receive, but for the producer's id. */
const consumerReceives = {
  device_id: 'rpi_001',
  timestamp: '2025-01-29T11:35:00Z',
  data: { temperature: 24.3, humidity: 51, pressure: 1013.25 },
};

const hasCurl = spawnSync('curl', ['--version']).status === 0;

let services: ServicesUnderTest;
beforeAll(async () => {
  const certificate = await generate([{ name: 'commonName', value: '127.0.0.1' }], { keySize: 2048 });
  const folder = await mkdtemp(join(tmpdir(), 'motience-tls-'));
  await writeFile(join(folder, 'cert.pem'), certificate.cert);
  await writeFile(join(folder, 'key.pem'), certificate.private, { mode: 0o600 });
  services = await ServicesUnderTest.start();
  wssEnvironment = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') };
});
let wssEnvironment: Record<string, string>;
afterAll(() => services.stop());

describe("the reference's commands", () => {
  it('register, log in, and stream over ws://…/producer?token= and ws://…/consumer?token=', async () => {
    const auth = services.httpUrl('auth-api');
    const user = await runCurl(registerCommand.replace('http://localhost:3001', auth));
    expect(user).toMatchObject({ username: 'producer1', role: 'producer', device_id: 'rpi_001' });
    const login = await runCurl(`curl -X POST ${auth}/login \\
  -H "Content-Type: application/json" \\
  -d '{"username":"producer1","password":"pass123"}'`);
    expect(login).toMatchObject({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_expires_in: 604_800,
    });

    const producer = {
      id: String(user.id),
      username: 'producer1',
      password: '',
      token: String(login.access_token),
      refreshToken: '',
    };
    const consumer = await signUp(services, 'consumer');
    await subscribe(services, consumer, producer);
    const received = await SocketClient.open(services.socketUrl('consumer'), consumer.token);
    await until(() => received.frames('welcome').length === 1);
    const device = await SocketClient.open(services.socketUrl('producer'), producer.token);
    device.send(producerSends);
    await until(() => received.readings().length === 1);
    expect(received.readings()[0]).toEqual({ producer_id: producer.id, ...consumerReceives, seq: 1 });
    expect(Object.keys(received.readings()[0] ?? {})).toEqual(['producer_id', 'device_id', 'timestamp', 'data', 'seq']);
    await until(() => device.acknowledged() === 1);
  });

  it('stream over wss as well', async () => {
    const secure = await ServicesUnderTest.start(wssEnvironment);
    try {
      const [producer, consumer] = [await signUp(secure, 'producer', ['rpi_001']), await signUp(secure, 'consumer')];
      await subscribe(secure, consumer, producer);
      const received = await SocketClient.open(secure.socketUrl('consumer', 'wss'), consumer.token);
      await until(() => received.frames('welcome').length === 1);
      const device = await SocketClient.open(secure.socketUrl('producer', 'wss'), producer.token);
      device.send(producerSends);
      await until(() => received.readings().length === 1);
      expect(received.readings()[0]).toEqual({ producer_id: producer.id, ...consumerReceives, seq: 1 });
    } finally {
      await secure.stop();
    }
  });
});

/** Runs a curl command in a shell; where there is no curl, sends the same request and says so. */
async function runCurl(command: string): Promise<Record<string, unknown>> {
  if (hasCurl)
    return JSON.parse(execFileSync('sh', ['-c', command.replace('curl ', 'curl -sS ')], { encoding: 'utf8' }));
  console.warn('curl is not installed: its request is sent with fetch instead');
  const url = /https?:\S+/.exec(command)?.[0] ?? '';
  const body = /-d '(.*)'/.exec(command)?.[1] ?? '';
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return JSON.parse(await response.text());
}
