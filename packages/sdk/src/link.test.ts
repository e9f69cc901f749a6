import { Refusal } from '@motience/protocol';
import { describe, expect, test } from 'vitest';
import { type Link, type LinkAction, type LinkEvent, newLink, stepLink } from './link.ts';

function run(events: (LinkEvent & { at?: number })[]): { link: Link; actions: LinkAction[] } {
  let link = newLink;
  let actions: LinkAction[] = [];
  for (const { at, ...event } of events) {
    const step = stepLink(link, event, at ?? 0);
    link = step.link;
    actions = step.actions;
  }
  return { link, actions };
}

const start = { type: 'start' } as const;
const opened = { type: 'opened', canPing: true } as const;
const retry = { type: 'retry' } as const;
const closed = (code: number, random = 1) => ({ type: 'closed', code, reason: '', random }) as const;
const waitOf = (actions: LinkAction[]) => actions.find((action) => action.type === 'wait')?.ms;

describe('a link', () => {
  test.each([1001, 1006, 1011, 4000, 4001, 4002, 4003])('connects again after close code %i', (code) => {
    const { link, actions } = run([start, opened, closed(code)]);
    expect(link.phase).toBe('waiting');
    expect(waitOf(actions)).toBe(500);
  });

  test.each([4501, 4999, 1009])('stops at close code %i and says so', (code) => {
    const { link, actions } = run([start, opened, closed(code)]);
    expect(link.phase).toBe('stopped');
    expect(actions).toEqual([{ type: 'ended', end: expect.objectContaining({ code, reconnect: false }) }]);
  });

  test('asks for another token after 4003, and keeps asking until it has been taken', () => {
    const noToken = { type: 'no-token', refusal: new Refusal('unavailable', 'down'), random: 0 } as const;
    expect(run([start, opened, closed(4003), retry]).actions).toEqual([{ type: 'connect', renewToken: true }]);
    expect(run([start, opened, closed(4003), retry, noToken, retry]).actions).toEqual([
      { type: 'connect', renewToken: true },
    ]);
    expect(run([start, opened, closed(4003), retry, opened, closed(1006), retry]).actions).toEqual([
      { type: 'connect', renewToken: false },
    ]);
  });

  test('a refused token is renewed once; refused again, the link stops', () => {
    expect(run([start, opened, closed(4500), retry]).actions).toEqual([{ type: 'connect', renewToken: true }]);
    expect(run([start, opened, closed(4500), retry, opened, closed(4500)]).link.phase).toBe('stopped');
    const proven = { type: 'proven' } as const;
    expect(run([start, opened, closed(4500), retry, opened, proven, closed(4500)]).link.phase).toBe('waiting');
  });

  test('stops when no token can be had, and waits when there is none right now', () => {
    const noToken = (kind: 'unauthenticated' | 'unavailable') =>
      ({ type: 'no-token', refusal: new Refusal(kind, 'no'), random: 0 }) as const;
    expect(run([start, noToken('unauthenticated')]).link.phase).toBe('stopped');
    expect(run([start, noToken('unavailable')]).link.phase).toBe('waiting');
  });

  test('waits longer with every failure, up to 30 s, and between half and all of it', () => {
    const waits = (random: number) => {
      const events: LinkEvent[] = [start];
      return Array.from({ length: 12 }, () => {
        events.push(closed(1006, random));
        const wait = waitOf(run(events).actions);
        events.push(retry);
        return wait;
      });
    };
    expect(waits(1)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, ...Array(6).fill(30_000)]);
    expect(waits(0)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, ...Array(6).fill(15_000)]);
  });

  test('forgets failures once a connection proved good', () => {
    const failures: LinkEvent[] = [start, closed(1006), retry, closed(1006), retry, opened];
    expect(waitOf(run([...failures, closed(1006)]).actions)).toBe(2_000);
    expect(waitOf(run([...failures, { type: 'proven' }, closed(1006)]).actions)).toBe(500);
  });

  test('waits at least as long as the server asks', () => {
    const refusal = {
      type: 'refusal',
      refusal: new Refusal('rate-limited', 'slow', { retryAfterSeconds: 7 }),
    } as const;
    expect(waitOf(run([start, opened, refusal, closed(4000, 0)]).actions)).toBe(7_250);
  });

  test('blames a close only on an error that leads to it', () => {
    const refusal = { type: 'refusal', refusal: new Refusal('invalid-request', 'odd frame') } as const;
    expect(run([start, opened, refusal, closed(1001)]).link.ended?.refusal).toBeUndefined();
  });

  test('pings a silent link and cuts it if nothing comes back', () => {
    const tick = (at: number) => ({ type: 'tick', at }) as const;
    expect(run([start, opened, tick(15_000)]).actions).toEqual([]);
    expect(run([start, opened, tick(15_001)]).actions).toEqual([{ type: 'ping' }]);
    expect(run([start, opened, tick(15_001), tick(25_002)]).actions).toEqual([{ type: 'cut' }]);
    expect(run([start, opened, tick(15_001), { type: 'alive', at: 16_000 }, tick(25_002)]).actions).toEqual([]);
  });

  test('never pings where the platform cannot', () => {
    expect(run([start, { type: 'opened', canPing: false }, { type: 'tick', at: 1_000_000 }]).actions).toEqual([]);
  });

  test('stopping closes the socket and ends without an error, whatever code comes back', () => {
    const { link, actions } = run([start, opened, { type: 'stop' }]);
    expect(actions).toEqual([{ type: 'close', code: 1000 }]);
    expect(stepLink(link, closed(1006), 0).link).toMatchObject({ phase: 'stopped', ended: undefined });
  });

  test('stopping cuts a socket that does not answer the close', () => {
    expect(run([start, opened, { type: 'stop' }, { type: 'tick', at: 2_001 }]).actions).toEqual([{ type: 'cut' }]);
  });

  test('reconnecting on purpose does not wait and is no failure', () => {
    const { link, actions } = run([start, opened, { type: 'reconnect' }, closed(1000)]);
    expect(actions.at(-1)).toEqual({ type: 'connect', renewToken: false });
    expect(link.attempt).toBe(0);
  });

  test('nothing happens any more once it has stopped', () => {
    const { link } = run([start, opened, closed(4501)]);
    expect(stepLink(link, start, 0)).toEqual({ link, actions: [] });
  });
});
