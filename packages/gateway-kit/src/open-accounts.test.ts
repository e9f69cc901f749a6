import type { Entitlement } from '@motience/stream-log';
import { describe, expect, it } from 'vitest';
import { OpenAccounts, type OpenSocket } from './open-accounts.ts';

const since = (at: number): Entitlement => ({ since: at });

function openAccount(items: [string, number][]) {
  const told: string[] = [];
  const socket: OpenSocket = {
    sessionId: 'session',
    expiry: { of: 'access token', at: Number.MAX_SAFE_INTEGER },
    warnedOfExpiry: false,
    warn: () => {},
    refuse: () => {},
    granted: (item) => void told.push(`granted ${item} since ${account.items.get(item)?.since}`),
    withdrawn: (item) => void told.push(`withdrawn ${item}, held: ${account.items.has(item)}`),
    recounted: (item) => void told.push(`recounted ${item} for ${account.items.get(item)?.subscriptionId}`),
  };
  const accounts = new OpenAccounts();
  const account = accounts.enter('7', new Map(items.map(([item, at]) => [item, since(at)])));
  account.sockets.add(socket);
  return { accounts, account, told };
}

describe('the rights of an open account', () => {
  it('are told to its sockets when they come and go, and not when nothing changed', () => {
    const { account, told } = openAccount([['1', 100]]);
    account.grant('1', since(100));
    account.grant('2', since(200));
    account.withdraw('1');
    account.withdraw('1');
    expect(told).toEqual(['granted 2 since 200', 'withdrawn 1, held: false']);
    expect([...account.items]).toEqual([['2', since(200)]]);
  });

  it('are withdrawn and granted when a subscription was ended and made anew meanwhile', () => {
    const { account, told } = openAccount([['1', 100]]);
    account.grant('1', since(150));
    expect(told).toEqual(['withdrawn 1, held: false', 'granted 1 since 150']);
  });

  it('stay when they only count for another subscription', () => {
    const { account, told } = openAccount([['1', 100]]);
    account.grant('1', { since: 100, subscriptionId: '5' });
    account.grant('1', { since: 100, subscriptionId: '5' });
    account.grant('1', { since: 100, subscriptionId: '6' });
    account.grant('1', { since: 100 });
    expect(told).toEqual(['recounted 1 for 5', 'recounted 1 for 6', 'recounted 1 for undefined']);
  });

  it('become exactly those that were read again', () => {
    const { accounts, account, told } = openAccount([
      ['gone', 1],
      ['kept', 2],
      ['anew', 3],
    ]);
    const read = new Map([
      ['kept', since(2)],
      ['anew', since(4)],
      ['new', since(5)],
    ]);
    expect(accounts.enter('7', read)).toBe(account);
    expect(told).toEqual([
      'withdrawn gone, held: false',
      'withdrawn anew, held: false',
      'granted anew since 4',
      'granted new since 5',
    ]);
    expect(account.items).toEqual(read);
  });

  it('do not change with the map they were read into', () => {
    const read = new Map([['1', since(100)]]);
    const account = new OpenAccounts().enter('7', read);
    account.withdraw('1');
    expect(read.size).toBe(1);
    expect(account.items.size).toBe(0);
  });
});
