import { describe, expect, it } from 'vitest';
import { AddressLimit } from './address-limit.ts';

describe('new sockets of an address', () => {
  it('are let in up to the limit, then told to wait until there is room for one', () => {
    const limit = new AddressLimit(3);
    expect([1, 2, 3].map(() => limit.take('192.0.2.1', 0))).toEqual([0, 0, 0]);
    expect(limit.take('192.0.2.1', 0)).toBe(20);
    expect(limit.take('192.0.2.1', 20_000)).toBe(0);
  });

  it('are counted apart from those of another', () => {
    const limit = new AddressLimit(1);
    expect(limit.take('192.0.2.1', 0)).toBe(0);
    expect(limit.take('192.0.2.2', 0)).toBe(0);
  });
});
