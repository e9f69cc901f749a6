import { describe, expect, it } from 'vitest';
import { mayReadMetrics } from './metrics.ts';

const request = { address: '203.0.113.7', xForwardedFor: undefined, authorization: undefined, metricsToken: undefined };

describe('mayReadMetrics', () => {
  it('lets this machine in', () => {
    expect(mayReadMetrics({ ...request, address: '127.0.0.1' })).toBe(true);
    expect(mayReadMetrics({ ...request, address: '::ffff:127.0.0.1' })).toBe(true);
  });

  it('keeps others out, also those a proxy on this machine passes on', () => {
    expect(mayReadMetrics(request)).toBe(false);
    expect(mayReadMetrics({ ...request, address: '127.0.0.1', xForwardedFor: '127.0.0.1' })).toBe(false);
    expect(mayReadMetrics({ ...request, authorization: 'Bearer undefined' })).toBe(false);
  });

  it('lets others in with the token, whole and as it is', () => {
    const withToken = { ...request, metricsToken: 'token' };
    expect(mayReadMetrics({ ...withToken, authorization: 'Bearer token' })).toBe(true);
    for (const authorization of ['Bearer toke', 'Bearer tokens', 'token', '']) {
      expect(mayReadMetrics({ ...withToken, authorization })).toBe(false);
    }
  });
});
