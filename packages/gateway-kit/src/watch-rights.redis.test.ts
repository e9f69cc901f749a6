import { randomUUID } from 'node:crypto';
import { createTestRedis } from '@motience/engines/testing';
import { createLogger } from '@motience/service-kit';
import {
  type AccountRights,
  createKeys,
  type Entitlement,
  type ItemKind,
  openRedis,
  type Right,
  RightsStore,
  Subscriber,
} from '@motience/stream-log';
import { expect, it, onTestFinished, vi } from 'vitest';
import { OpenAccounts, type OpenSocket } from './open-accounts.ts';
import { RightsWatch } from './watch-rights.ts';

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 5 });

/** Rights whose answers may be held back with their content in hand, as when another node of a cluster is slow. */
class HeldRights extends RightsStore {
  readonly waiting: (() => void)[] = [];
  hold = false;
  /** Single rights that were read back. */
  readBack = 0;

  override async read(kind: ItemKind, accountId: string, sessionId: string): Promise<AccountRights | undefined> {
    const answer = await super.read(kind, accountId, sessionId);
    if (this.hold) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return answer;
  }

  override async entitlement(kind: ItemKind, accountId: string, item: string): Promise<Entitlement | undefined> {
    const entitlement = await super.entitlement(kind, accountId, item);
    this.readBack += 1;
    return entitlement;
  }

  release(): void {
    this.hold = false;
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

async function openWatch() {
  const { url, prefix, drop } = await createTestRedis();
  const redis = openRedis(url, { onError: () => {} });
  const subscriber = new Subscriber(redis, { onError: () => {} });
  onTestFinished(async () => {
    subscriber.close();
    redis.disconnect();
    await drop();
  });
  const rights = new HeldRights(redis, createKeys(prefix));
  const accounts = new OpenAccounts();
  const logger = createLogger('test', 'silent');
  const watch = new RightsWatch('subscription', rights, subscriber, accounts, logger);
  const fresh = vi.fn();
  await watch.start(() => {}, fresh);
  await rights.finishRebuild(await rights.beginRebuild());
  await eventually(() => expect(fresh).toHaveBeenCalledOnce());
  return { rights, accounts, watch, fresh, redis };
}

function createSocket(told: string[]): OpenSocket {
  return {
    sessionId: randomUUID(),
    expiry: { of: 'access token', at: Number.MAX_SAFE_INTEGER },
    warnedOfExpiry: false,
    warn: () => {},
    refuse: () => {},
    granted: (item) => void told.push(`granted ${item}`),
    withdrawn: (item) => void told.push(`withdrawn ${item}`),
    recounted: (item) => void told.push(`recounted ${item}`),
  };
}

const right: Right = { kind: 'subscription', accountId: '7', item: '1' };

it('a right that was revoked while everything was being read is not granted, though it was not known', async () => {
  const { rights, accounts, fresh } = await openWatch();
  const told: string[] = [];
  const account = accounts.enter('7', new Map());
  const socket = createSocket(told);
  account.sockets.add(socket);
  await rights.grant({ kind: 'session', accountId: '7', item: socket.sessionId, seconds: 1_000 });
  await rights.grant({ ...right, kind: 'subscription', since: 100 });
  await eventually(() => expect(told).toEqual(['granted 1']));
  // As if the grant had been missed.
  account.withdraw('1');
  told.splice(0);

  rights.hold = true;
  await rights.announceAll();
  await eventually(() => expect(rights.waiting).toHaveLength(1));
  const readBack = rights.readBack;
  await rights.revoke(right);
  await eventually(() => expect(rights.readBack).toBe(readBack + 1));
  rights.release();
  await eventually(() => expect(fresh).toHaveBeenCalledTimes(2));
  expect(told).toEqual([]);
  expect(account.items).toEqual(new Map());
});

it('a socket is admitted with what it may do after the last change that was heard meanwhile', async () => {
  const { rights, accounts, watch } = await openWatch();
  const socket = createSocket([]);
  accounts.enter('7', new Map([['1', { since: 100 }]])).sockets.add(socket);
  await rights.grant({ kind: 'session', accountId: '7', item: socket.sessionId, seconds: 1_000 });
  await rights.grant({ ...right, kind: 'subscription', since: 100 });
  await eventually(() => expect(rights.readBack).toBe(1));

  rights.hold = true;
  const admission = watch.beginAdmission('7', socket.sessionId);
  await eventually(() => expect(rights.waiting).toHaveLength(1));
  await rights.revoke(right);
  await eventually(() => expect(rights.readBack).toBe(2));
  rights.release();
  expect(await admission.rights).toEqual({ sessionIsLive: true, items: new Map() });
  admission.end();
  expect(watch.countAdmissions('7')).toBe(0);
});

it('nobody is admitted, nor kept waiting, while Redis is away', async () => {
  const { watch, redis } = await openWatch();
  redis.disconnect();
  await eventually(() => expect(redis.status).toBe('end'));
  expect(() => watch.beginAdmission('7', randomUUID())).toThrow('Redis does not answer');
  expect(watch.countAdmissions('7')).toBe(0);
});
