import { describe, expect, it } from 'vitest';
import { clientAddress, isLoopback } from './client-address.ts';

describe('clientAddress', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['0000:0000:0000:0000:0000:ffff:cb00:7107', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', 'unknown'],
  ])('counts %s as %s', (address, counted) => {
    expect(clientAddress(address, undefined, 0)).toBe(counted);
  });

  it('believes X-Forwarded-For of nobody unless a proxy is trusted', () => {
    expect(clientAddress('198.51.100.1', '203.0.113.7', 0)).toBe('198.51.100.1');
  });

  it('takes what the nearest trusted proxy wrote, not what the client made up', () => {
    expect(clientAddress('198.51.100.1', '10.0.0.1, 203.0.113.7', 1)).toBe('203.0.113.7');
    expect(clientAddress('198.51.100.1', '10.0.0.1, 203.0.113.7, 198.51.100.9', 2)).toBe('203.0.113.7');
    expect(clientAddress('198.51.100.1', '203.0.113.7', 5)).toBe('203.0.113.7');
  });

  it('falls back to the socket when the header holds no address', () => {
    expect(clientAddress('198.51.100.1', 'unknown', 1)).toBe('198.51.100.1');
    expect(clientAddress('198.51.100.1', '<script>', 2)).toBe('198.51.100.1');
  });
});

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '0000:0000:0000:0000:0000:0000:0000:0001', '::ffff:127.0.0.1'])(
    'knows %s as this machine',
    (address) => {
      expect(isLoopback(address)).toBe(true);
    },
  );

  it.each(['', '10.0.0.1', '::2', '2001::1', '::ffff:10.0.0.1', '127.example.org', '127.0.0.1.example'])(
    'knows that %j is not',
    (address) => {
      expect(isLoopback(address)).toBe(false);
    },
  );
});
