import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AppProcess } from '../../../tests/support/app-process.ts';
import { StreamCorner } from '../../../tests/support/stream-corner.ts';
import { eventually, type SocketOptions, TestSocket } from '../../../tests/support/test-socket.ts';

let corner: StreamCorner;
let gateway: AppProcess;
let url: string;

beforeAll(async () => {
  corner = await StreamCorner.open();
  gateway = corner.run('producer-gateway', { SOCKETS_PER_ACCOUNT: '2' });
  url = `ws://127.0.0.1:${await gateway.listening}/producer`;
});
afterAll(() => corner.close());

async function open(options: SocketOptions): Promise<TestSocket> {
  const socket = await TestSocket.open(url, options);
  onTestFinished(() => socket.close());
  return socket;
}

const reading = (device_id: string) => ({ device_id, timestamp: '2025-01-29T11:35:00Z', data: {} });

async function expectAdmitted(socket: TestSocket): Promise<void> {
  socket.send(reading('a'));
  await eventually(() => expect(socket.frames).toEqual([{ type: 'ack', through: 1 }]));
}

describe('an access token', () => {
  it.each(['header', 'query', 'subprotocol'] as const)('may travel by %s', async (by) => {
    const { token } = await corner.account('producer', ['a']);
    const socket = await open({ token, by });
    await expectAdmitted(socket);
    // The one that carries the token is never selected.
    expect(socket.ws.protocol).toBe(by === 'subprotocol' ? 'motience.v1' : '');
  });

  it('never reaches the log', async () => {
    const { token } = await corner.account('consumer');
    const socket = await open({ token, by: 'query' });
    await socket.closed;
    expect(gateway.output()).toContain('listening');
    expect(gateway.output()).not.toContain(token);
  });

  const parts = (token: string) => token.split('.');
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

  it.each<[string, (token: string) => string | undefined]>([
    ['missing', () => undefined],
    ['not a token', () => 'abc'],
    ['of another payload', (token) => `${parts(token)[0]}.${encode({ sub: '1' })}.${parts(token)[2]}`],
    ['without a signature', (token) => `${parts(token)[0]}.${parts(token)[1]}.`],
    ['not signed (alg none)', (token) => `${encode({ alg: 'none', typ: 'at+jwt' })}.${parts(token)[1]}.`],
  ])('that is %s is told so and closes the socket with 4500', async (_, change) => {
    const { token } = await corner.account('producer', ['a']);
    const changed = change(token);
    const socket = await open(changed === undefined ? {} : { token: changed });
    socket.send(reading('a'));
    expect(await socket.closed).toEqual({ code: 4500, reason: 'unauthenticated' });
    expect(socket.frames).toMatchObject([{ type: 'error', kind: 'unauthenticated', request_id: expect.any(String) }]);
  });

  it('that has expired closes the socket with 4003', async () => {
    const { id, sessionId } = await corner.account('producer', ['a']);
    const socket = await open({ token: await corner.token('producer', id, sessionId, -1) });
    expect(await socket.closed).toEqual({ code: 4003, reason: 'token-expired' });
    expect(socket.frames).toMatchObject([{ type: 'error', kind: 'token-expired' }]);
  });

  it('of another role closes the socket with 4501', async () => {
    const { token } = await corner.account('consumer');
    const socket = await open({ token });
    expect(await socket.closed).toEqual({ code: 4501, reason: 'forbidden' });
    expect(socket.frames).toMatchObject([
      { type: 'error', kind: 'forbidden', detail: "this socket is for producers; the token is a consumer's" },
    ]);
  });

  it('of a session that ended, or of another account, closes the socket with 4500', async () => {
    const ended = await corner.account('producer', ['a']);
    await corner.rights.revoke({ kind: 'session', accountId: ended.id, item: ended.sessionId });
    const other = await corner.account('producer', ['a']);
    for (const token of [ended.token, await corner.token('producer', ended.id, other.sessionId)]) {
      const socket = await open({ token });
      expect(await socket.closed).toMatchObject({ code: 4500 });
      expect(socket.frames).toMatchObject([{ kind: 'unauthenticated', detail: expect.stringContaining('has ended') }]);
    }
  });
});

describe('an open socket', () => {
  it('closes with 4500 within a second after its session ended; others of the account stay', async () => {
    const { id, sessionId, token } = await corner.account('producer', ['a']);
    const other = await corner.account('producer', ['a']);
    const stays = await corner.token('producer', id, other.sessionId);
    await corner.rights.grant({ kind: 'session', accountId: id, item: other.sessionId, seconds: 3_600 });
    const [ended, remaining] = [await open({ token }), await open({ token: stays })];
    await corner.rights.revoke({ kind: 'session', accountId: id, item: sessionId });
    const revokedAt = performance.now();
    expect(await ended.closed).toEqual({ code: 4500, reason: 'unauthenticated' });
    expect(performance.now() - revokedAt).toBeLessThan(1_000);
    await expectAdmitted(remaining);
  });

  it('refuses readings of a device within a second after it was removed, and takes those of a new one', async () => {
    const { id, token } = await corner.account('producer', ['a', 'b']);
    const socket = await open({ token });
    await expectAdmitted(socket);
    const lastKind = () => socket.ofType('error').at(-1)?.kind;
    await corner.rights.revoke({ kind: 'device', accountId: id, item: 'a' });
    await eventually(() => {
      socket.send(reading('a'));
      expect(lastKind()).toBe('not-found');
    }, 1_000);
    await corner.rights.grant({ kind: 'device', accountId: id, item: 'new' });
    const before = (await corner.stored(id)).length;
    await eventually(async () => {
      socket.send(reading('new'));
      expect((await corner.stored(id)).length).toBeGreaterThan(before);
    }, 1_000);
    expect(socket.ws.readyState).toBe(socket.ws.OPEN);
  });

  it('is warned before its token expires and closes with 4003 when it does', async () => {
    const { id, sessionId } = await corner.account('producer', ['a']);
    const socket = await open({ token: await corner.token('producer', id, sessionId, 2) });
    await eventually(() => expect(socket.frames).toMatchObject([{ kind: 'token-expired' }]));
    expect(socket.ws.readyState).toBe(socket.ws.OPEN);
    expect(await socket.closed).toEqual({ code: 4003, reason: 'token-expired' });
  });

  it('counts against the sockets of its account while it is open', async () => {
    const { token } = await corner.account('producer', ['a']);
    const [first, second] = [await open({ token }), await open({ token })];
    const third = await open({ token });
    expect(await third.closed).toEqual({ code: 4000, reason: 'rate-limited' });
    expect(third.frames).toMatchObject([{ detail: 'an account may have 2 sockets open', retry_after: 60 }]);
    await expectAdmitted(first);
    second.close();
    await eventually(async () => {
      const next = await open({ token });
      next.send(reading('a'));
      await eventually(() => expect(next.frames).not.toEqual([]));
      expect(next.acknowledged).toBe(1);
    });
  });
});

describe('a Redis', () => {
  it('whose rights are not complete yet lets nobody in, with 4002', async () => {
    const incomplete = await StreamCorner.open();
    onTestFinished(() => incomplete.close());
    await incomplete.redis.del(incomplete.keys.rightsProjected);
    const port = await incomplete.run('producer-gateway').listening;
    const { token } = await incomplete.account('producer', ['a']);
    const socket = await TestSocket.open(`ws://127.0.0.1:${port}/producer`, { token });
    expect(await socket.closed).toEqual({ code: 4002, reason: 'unavailable' });
  });

  it('that was begun with another number of shards is not used', async () => {
    const { code, output } = await corner.run('producer-gateway', { SHARDS: '4' }).ended;
    expect(code).toBe(1);
    expect(output).toContain('SHARDS is 4, but this Redis was begun with 16; it cannot change afterwards');
  });
});

describe('a port that is in use', () => {
  it('is told in one line, with the variable that changes it', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { code, errors } = await corner.run('producer-gateway', { WSS1_PORT: String(port) }).ended;
    expect({ code, errors }).toEqual({
      code: 1,
      errors: `producer-gateway: port ${port} on 127.0.0.1 is in use; set WSS1_PORT to another one\n`,
    });
  });
});
