import type { Refusal } from '@motience/protocol';
import { describe, expect, it } from 'vitest';
import { type Expiry, OpenAccounts, type OpenSocket } from './open-accounts.ts';
import { closeExpired } from './watch-expiry.ts';

class RecordingSocket implements OpenSocket {
  readonly sessionId = 'session';
  readonly told: string[] = [];
  warnedOfExpiry = false;

  constructor(readonly expiry: Expiry) {}

  warn({ kind, message }: Refusal): void {
    this.told.push(`warn ${kind}: ${message}`);
  }
  refuse({ kind, message }: Refusal): void {
    this.told.push(`refuse ${kind}: ${message}`);
  }
  granted(): void {}
  withdrawn(): void {}
  recounted(): void {}
}

function openSocket(
  at: number,
  of: Expiry['of'] = 'access token',
): { accounts: OpenAccounts; socket: RecordingSocket } {
  const accounts = new OpenAccounts();
  const socket = new RecordingSocket({ of, at });
  accounts.enter('7', new Map()).sockets.add(socket);
  return { accounts, socket };
}

describe('a socket whose token expires', () => {
  it('hears nothing more than 30 seconds before', () => {
    const { accounts, socket } = openSocket(100_000);
    closeExpired(accounts, 69_999);
    expect(socket.told).toEqual([]);
  });

  it('is warned once, with the seconds that are left', () => {
    const { accounts, socket } = openSocket(100_000);
    closeExpired(accounts, 70_000);
    closeExpired(accounts, 71_000);
    expect(socket.told).toEqual(['warn token-expired: the access token expires in 30 s: refresh it and reconnect']);
  });

  it('is closed at expiry', () => {
    const { accounts, socket } = openSocket(100_000);
    closeExpired(accounts, 100_000);
    expect(socket.told).toEqual(['refuse token-expired: the access token has expired: refresh it and reconnect']);
  });

  it('hears of an API key where it was opened with one', () => {
    const { accounts, socket } = openSocket(100_000, 'API key');
    closeExpired(accounts, 99_000);
    closeExpired(accounts, 100_000);
    expect(socket.told).toEqual([
      'warn token-expired: the API key expires in 1 s: make another one and reconnect',
      'refuse token-expired: the API key has expired: make another one and reconnect',
    ]);
  });
});
