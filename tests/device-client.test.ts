import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Account, signUp } from './accounts.ts';
import { ServicesUnderTest } from './services-under-test.ts';
import { until } from './socket-client.ts';

const command = fileURLToPath(new URL('../apps/device-client/bin/motience-device.js', import.meta.url));

let services: ServicesUnderTest;
let sql: postgres.Sql;
let producer: Account;
let queueFolder: string;
let device: ChildProcess;
beforeAll(async () => {
  services = await ServicesUnderTest.start();
  sql = postgres(services.databaseUrl, { max: 1 });
});
afterAll(async () => {
  await sql.end();
  await services.stop();
});
beforeEach(async () => {
  producer = await signUp(services, 'producer', ['pi']);
  queueFolder = await mkdtemp(join(tmpdir(), 'motience-queue-'));
});
afterEach(async () => {
  device.kill('SIGKILL');
  await rm(queueFolder, { recursive: true, force: true });
});

describe('motience-device', () => {
  it('loses and doubles no queued reading when it, the gateway and the network die in turn', async () => {
    startDevice(['--source', 'system', '--interval', '50ms']);
    for (const target of ['device', 'producer-gateway', 'device', 'data-stream-manager', 'device'] as const) {
      await moreStored(10);
      if (target === 'device') {
        const gone = once(device, 'exit');
        device.kill('SIGKILL');
        await gone;
        startDevice(['--source', 'system', '--interval', '50ms']);
      } else {
        await services.end(target, 'SIGKILL');
        await services.launch(target);
      }
    }
    await moreStored(30);
    const gone = once(device, 'exit');
    device.kill('SIGTERM');
    expect(await gone).toEqual([0, null]);
    const sequences = (await settledRows()).map(({ sequence }) => Number(sequence));
    const first = sequences[0] ?? 0;
    expect(sequences.length).toBeGreaterThan(50);
    expect(sequences).toEqual(sequences.map((_, at) => first + at));
  }, 120_000);

  it.each(['csv', 'jsonl'])(
    'stores each record of a .%s file once and in order when it is killed and stopped in mid-file, and sends it again when it had finished',
    async (kind) => {
      const file = join(queueFolder, `week.${kind}`);
      const values = Array.from({ length: 2_000 }, (_, at) => at);
      const records = values.map((value) => (kind === 'csv' ? `${value}\n` : `{"value":${value}}\n`));
      await writeFile(file, `${kind === 'csv' ? 'value\n' : ''}${records.join('')}`);
      for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
        startDevice(['--source', file, '--interval', '10ms']);
        const gone = once(device, 'exit');
        await moreStored(20);
        device.kill(signal);
        await gone;
      }
      expect((await stored()).length).toBeLessThan(values.length);
      startDevice(['--source', file]);
      expect(await once(device, 'exit')).toEqual([0, null]);
      expect((await settledRows()).map(recordValue)).toEqual(values);

      startDevice(['--source', file]);
      expect(await once(device, 'exit')).toEqual([0, null]);
      expect((await settledRows()).map(recordValue)).toEqual([...values, ...values]);
    },
    60_000,
  );

  it('sends what is piped into it, in order, and ends once everything is stored', async () => {
    startDevice(['--source', 'stdin']);
    const gone = once(device, 'exit');
    const lines = Array.from({ length: 5_000 }, (_, at) => `{"value":${at},"big":9007199254740993}\n`);
    device.stdin?.end(`${lines.slice(0, 2_500).join('')}not JSON\n${lines.slice(2_500).join('')}`);
    expect(await gone).toEqual([0, null]);
    const bodies = (await settledRows()).map(({ body }) => /"data":(\{[^}]*\})/.exec(body)?.[1]);
    expect(bodies).toEqual(lines.map((line) => line.trim()));
  });
});

function startDevice(args: readonly string[]): void {
  const connection = ['--auth-url', services.httpUrl('auth-api'), '--gateway-url', gatewayUrl()];
  const identity = ['--username', producer.username, '--device-id', 'pi', '--queue-dir', queueFolder];
  device = spawn(process.execPath, [command, ...connection, ...identity, ...args], {
    env: { ...process.env, MOTIENCE_PASSWORD: producer.password },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
}

function recordValue({ body }: { body: string }): number {
  return Number(/"data":\{"value":(\d+)\}/.exec(body)?.[1]);
}

function gatewayUrl(): string {
  return services.socketUrl('producer').replace(/\/producer$/, '');
}

function stored() {
  return sql<{ sequence: string; body: string }[]>`
    select (body || '}')::json ->> 'sequence' as sequence, body
    from readings where producer_id = ${producer.id} order by epoch, seq`;
}

async function moreStored(count: number): Promise<void> {
  const before = (await stored()).length;
  await until(async () => (await stored()).length > before + count, 30_000);
}

/** What is stored once nothing more arrives: the stream's head and PostgreSQL agree. */
async function settledRows() {
  await until(async () => {
    const response = await fetch(`${services.httpUrl('data-stream-manager')}/streams/${producer.id}`, {
      headers: { authorization: `Bearer ${producer.token}` },
    });
    const stream: { head: number; persisted: number } = await response.json();
    return stream.head > 0 && stream.head === stream.persisted;
  });
  return stored();
}
