import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';
import { evaluateReadiness, readinessProbe } from './readiness.ts';

describe('readiness', () => {
  it('is there when every part is, notes included', async () => {
    const checks = [
      { name: 'database', check: async () => ({ ok: true as const }) },
      { name: 'redis', check: async () => ({ ok: true as const, note: 'appendfsync is everysec' }) },
    ];
    expect(await evaluateReadiness(checks)).toEqual({
      status: 200,
      body: {
        status: 'ready',
        parts: { database: { ok: true }, redis: { ok: true, note: 'appendfsync is everysec' } },
      },
    });
  });

  it('names the part that throws, with the innermost reason, which holds no statement', async () => {
    const check = async () => {
      throw new Error('Failed query: select secret', { cause: new Error('connect ECONNREFUSED') });
    };
    const { status, body } = await evaluateReadiness([{ name: 'database', check }]);
    expect(status).toBe(503);
    expect(body).toEqual({ status: 'unavailable', parts: { database: { ok: false, reason: 'connect ECONNREFUSED' } } });
  });

  it('does not wait for a part that never answers', async () => {
    const check = () => new Promise<never>(() => {});
    const { body } = await evaluateReadiness([{ name: 'redis', check }], 10);
    expect(body.parts.redis).toEqual({ ok: false, reason: 'no answer within 10 ms' });
  });

  it('runs its checks once for all who ask at the same time, and again for the next', async () => {
    let runs = 0;
    const check = async () => {
      runs += 1;
      return { ok: true as const };
    };
    const probe = readinessProbe([{ name: 'database', check }], createLogger('test', 'silent'));
    await Promise.all([probe(), probe(), probe()]);
    expect(runs).toBe(1);
    await probe();
    expect(runs).toBe(2);
  });
});
