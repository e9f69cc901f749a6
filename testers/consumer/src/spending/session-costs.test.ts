import { describe, expect, it } from 'vitest';
import { SessionCosts } from './session-costs.ts';

const line = (id: number, amount: string, subscription_id: string | null = '7') => ({
  id: String(id),
  kind: 'capture',
  amount,
  subscription_id,
  at: '2026-01-01T00:00:00Z',
});

describe('what a session has cost', () => {
  it('leaves out what was charged before it', () => {
    const costs = new SessionCosts();
    costs.take([line(5, '-1.00')]);
    costs.take([line(6, '-0.25'), line(5, '-1.00')]);
    expect(costs.ofSubscription('7')).toBe(250_000n);
    expect(costs.ofSubscription('8')).toBe(0n);
  });

  it('counts a line once, also one that shows up behind a newer one', () => {
    const costs = new SessionCosts();
    costs.take([]);
    costs.take([line(3, '-0.000001')]);
    costs.take([line(3, '-0.000001'), line(2, '-0.50', '8')]);
    costs.take([line(3, '-0.000001'), line(2, '-0.50', '8')]);
    expect([costs.ofSubscription('7'), costs.ofSubscription('8')]).toEqual([1n, 500_000n]);
  });

  it('asks for older lines only while all are new, takes off what is given back, and tells credits', () => {
    const costs = new SessionCosts();
    costs.take([line(1, '-1.00')]);
    expect(costs.take([line(4, '10.00', null), line(3, '-0.30')])).toEqual({
      mayHaveMore: true,
      credited: 10_000_000n,
    });
    expect(costs.take([line(2, '0.10'), line(1, '-1.00')])).toEqual({ mayHaveMore: false, credited: 0n });
    expect(costs.ofSubscription('7')).toBe(200_000n);
  });
});
