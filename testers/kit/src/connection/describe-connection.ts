import { goingAwayCode } from '@motience/protocol';
import type { ConnectionEnd, ConnectionState } from '@motience/sdk';
import { formatSpan } from '../figures/format.ts';
import type { Tone } from '../parts/notice.tsx';

export interface ConnectionWords {
  tone: Tone;
  /** One or two words. */
  short: string;
  /** Why, and what happens next; empty if there is nothing to say. */
  long: string;
}

/** A connection's state for people. `sinceMs` is how long it has been so. */
export function describeConnection(state: ConnectionState, sinceMs: number): ConnectionWords {
  switch (state.phase) {
    case 'idle':
      return { tone: 'plain', short: 'Not connected', long: '' };
    case 'connecting':
      return {
        tone: state.attempt > 1 ? 'warn' : 'plain',
        short: 'Connecting',
        long: state.attempt > 1 ? `Attempt ${state.attempt}.` : '',
      };
    case 'open':
      return { tone: 'good', short: 'Connected', long: '' };
    case 'waiting': {
      const left = Math.max(0, state.retryInMs - sinceMs);
      const next =
        left < 1_000 ? 'Trying again now.' : `Trying again in ${formatSpan(Math.round(left / 1_000) * 1_000)}.`;
      return { tone: 'warn', short: 'Reconnecting', long: `${describeEnd(state.ended)} ${next.replace('.0 s', ' s')}` };
    }
    case 'stopped':
      if (!state.ended) return { tone: 'plain', short: 'Disconnected', long: '' };
      return { tone: 'bad', short: 'Disconnected', long: describeEnd(state.ended) };
  }
}

/** Why a connection ended: the code's meaning, and what the server said if it said more. */
export function describeEnd({ code, meaning, refusal }: ConnectionEnd): string {
  const said = refusal && code !== goingAwayCode && !meaning.includes(refusal.message) ? `: ${refusal.message}` : '';
  return `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}${said} (code ${code}).`;
}
