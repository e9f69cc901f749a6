import { explainClose, Refusal } from '@motience/protocol';
import { describe, expect, it } from 'vitest';
import { describeConnection, describeEnd } from './describe-connection.ts';

const end = (code: number, refusal?: Refusal) => ({ code, ...explainClose(code), ...(refusal ? { refusal } : {}) });

describe('describeConnection', () => {
  it('needs no words while all is well', () => {
    expect(describeConnection({ phase: 'open' }, 0)).toEqual({ tone: 'good', short: 'Connected', long: '' });
    expect(describeConnection({ phase: 'connecting', attempt: 1 }, 0).long).toBe('');
  });

  it('says why it waits and counts down to the next attempt', () => {
    const waiting = { phase: 'waiting', attempt: 2, retryInMs: 5_000, ended: end(1001) } as const;
    expect(describeConnection(waiting, 2_000).long).toBe(
      'The server is stopping or restarting (code 1001). Trying again in 3 s.',
    );
    expect(describeConnection(waiting, 4_900).long).toContain('Trying again now.');
    expect(describeConnection(waiting, 60_000).long).toContain('Trying again now.');
  });

  it('tells an end that waiting cannot mend from being disconnected on purpose', () => {
    expect(describeConnection({ phase: 'stopped', ended: end(4501) }, 0)).toEqual({
      tone: 'bad',
      short: 'Disconnected',
      long: 'This account may not use this socket (code 4501).',
    });
    expect(describeConnection({ phase: 'stopped' }, 0).tone).toBe('plain');
  });
});

describe('describeEnd', () => {
  it('adds what the server said', () => {
    expect(describeEnd(end(4000, new Refusal('rate-limited', 'more than 20 frames a second')))).toBe(
      'Rate limited: too much in too short a time: more than 20 frames a second (code 4000).',
    );
  });
});
