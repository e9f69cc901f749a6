import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { AuthClient, ConsumerClient, ProducerClient, SubscriptionsClient } from '../packages/sdk/dist/index.js';
import { ServicesUnderTest } from './services-under-test.ts';

test('sdk', async () => {
  const s = await ServicesUnderTest.start();
  try {
    const auth = new AuthClient({ authUrl: s.httpUrl('auth-api') });
    await auth.register({ username: 'prod1', password: 'pass1234', role: 'producer', device_id: 'd' });
    await auth.register({ username: 'cons1', password: 'pass1234', role: 'consumer' });
    const p = await auth.login({ username: 'prod1', password: 'pass1234' });
    const c = await auth.login({ username: 'cons1', password: 'pass1234' });
    const subs = new SubscriptionsClient({ subscriptionUrl: s.httpUrl('subscription-manager'), session: c });
    console.log(
      await subs.subscribe(p.user.id),
      (await subs.subscriptions()).items,
      (await c.producers()).items,
      (await p.devices()).items,
    );
    const consumer = new ConsumerClient({ gatewayUrl: s.socketUrl('consumer'), tokens: c });
    for (const name of ['connection', 'closed', 'welcome', 'subscribed', 'missed', 'continued', 'error'] as const)
      consumer.on(name, (x: unknown) => console.log('consumer', name, JSON.stringify(x)));
    const readings = consumer.readings();
    consumer.start();
    await new Promise<void>((r) => consumer.on('welcome', () => r()));
    const make = (value: number) => ({
      device_id: 'd',
      timestamp: new Date().toISOString(),
      data: { value, pad: 'x'.repeat(100) },
    });
    const one = new ProducerClient({ gatewayUrl: s.socketUrl('producer'), tokens: p, assignSequence: true });
    one.on('closed', (x) => console.log('producer closed', x));
    one.on('repeat', (x) => console.log('producer repeat', x));
    one.start();
    const N = 50_000;
    const t0 = performance.now();
    let got = 0;
    const reading = (async () => {
      for await (const r of readings) {
        got += 1;
        if (r.reading.sequence !== got) console.log('!!', r.text, got);
        if (got === N + 1500) return;
      }
    })();
    for (let i = 0; i < N; i += 500) await one.sendAll(Array.from({ length: 500 }, (_, k) => make(i + k)));
    await one.settled();
    console.log('sent', N, performance.now() - t0, one.state, got);
    // queue lost
    await one.stop();
    const two = new ProducerClient({ gatewayUrl: s.socketUrl('producer'), tokens: p, assignSequence: true });
    two.on('repeat', (x) => console.log('repeat', x));
    two.on('closed', (x) => console.log('closed', x));
    await two.sendAll(Array.from({ length: 1500 }, (_, k) => make(k)));
    two.start();
    await two.settled();
    await reading;
    console.log('all', got, performance.now() - t0);
    await s.end('consumer-gateway', 'SIGKILL');
    await s.launch('consumer-gateway');
    await new Promise<void>((r) => consumer.on('continued', () => r()));
    await p.logout();
    await new Promise<void>((r) => two.on('connection', (x) => x.phase === 'stopped' && r()));
    console.log(two.state);
    await consumer.stop();
    await two.stop();
    // --register
    const q = await mkdtemp('/tmp/q-');
    const run = async (args: string[], input: string) => {
      const ch = spawn(
        '/work/main/apps/device-client/bin/motience-device.js',
        ['--auth-url', s.httpUrl('auth-api'), '--gateway-url', s.socketUrl('producer'), '--source', 'stdin', ...args],
        { env: { ...process.env, MOTIENCE_PASSWORD: 'pass1234', HOME: q } },
      );
      ch.stdin.end(input);
      const [e, [code]] = await Promise.all([text(ch.stderr), once(ch, 'exit')]);
      console.log(args.join(' '), code, e);
    };
    await run(['--username', 'newone', '--device-id', 'x1'], '{"a":1}\n');
    await run(['--username', 'newone', '--device-id', 'x1', '--register'], '{"a":1}\n{"a":2}\n');
    await run(['--username', 'newone', '--device-id', 'x2'], '{"a":1}\n');
    await run(['--username', 'newone', '--device-id', 'x2', '--register'], '{"a":1}\n');
    await run(['--username', 'cons1', '--device-id', 'x2', '--register'], '{"a":1}\n');
    await run(['--username', 'newone', '--device-id', 'x1', '--queue-dir', q + '/lost'], '{"a":3}\n{"a":4}\n');
  } finally {
    await s.stop();
  }
}, 120_000);
