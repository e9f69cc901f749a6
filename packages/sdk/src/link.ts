import { errorTable, explainClose, type Refusal } from '@motience/protocol';
import type { ConnectionEnd } from './connection-state.ts';
import { isTokenRefusal } from './token-source.ts';

/**
 * The life of a client's connection as a pure value: when to connect, wait, ping, give up. Times are milliseconds of a
 * monotonic clock. `Connection` carries out the actions.
 */
export interface Link {
  phase: 'idle' | 'connecting' | 'open' | 'leaving' | 'waiting' | 'stopped';
  /** When this phase began. */
  since: number;
  /** Connections in a row that ended before they proved good. */
  attempt: number;
  /** Whether the server has refused the token once since a connection last proved good. */
  tokenRefused: boolean;
  aliveAt: number;
  pingedAt: number | undefined;
  canPing: boolean;
  /** What the server said last on this connection that was about no single reading. */
  refusal: Refusal | undefined;
  /** Whether the next connection needs another token than the last one had. */
  renewToken: boolean;
  /** What follows once the socket is closed that we are leaving. */
  afterLeaving: 'stop' | 'reconnect';
  retryInMs: number;
  ended: ConnectionEnd | undefined;
}

export type LinkEvent =
  | { type: 'start' | 'stop' | 'reconnect' | 'retry' | 'alive' | 'proven' | 'tick' }
  | { type: 'opened'; canPing: boolean }
  | { type: 'refusal'; refusal: Refusal }
  | { type: 'fail'; refusal: Refusal }
  | { type: 'no-token'; refusal: Refusal; random: number }
  | { type: 'closed'; code: number; reason: string; random: number };

export type LinkAction =
  | { type: 'connect'; renewToken: boolean }
  | { type: 'wait'; ms: number }
  | { type: 'ping' }
  | { type: 'close'; code: number }
  | { type: 'cut' }
  | { type: 'ended'; end: ConnectionEnd };

const firstWaitMs = 500;
const longestWaitMs = 30_000;
const longestAskedWaitMs = 600_000;
const connectTimeoutMs = 30_000;
const closeTimeoutMs = 2_000;
const pingAfterMs = 15_000;
const pongTimeoutMs = 10_000;
const provenAfterMs = 30_000;

export const newLink: Link = {
  phase: 'idle',
  since: 0,
  attempt: 0,
  tokenRefused: false,
  aliveAt: 0,
  pingedAt: undefined,
  canPing: false,
  refusal: undefined,
  renewToken: false,
  afterLeaving: 'reconnect',
  retryInMs: 0,
  ended: undefined,
};

/** The link after an event at `now`, and what is to be done about it. */
export function stepLink(link: Link, event: LinkEvent, now: number): { link: Link; actions: LinkAction[] } {
  if (link.phase === 'stopped') return { link, actions: [] };
  switch (event.type) {
    case 'start':
      return link.phase === 'idle' ? connect(link, now) : { link, actions: [] };
    case 'retry':
      return link.phase === 'waiting' ? connect(link, now) : { link, actions: [] };
    case 'opened':
      if (link.phase !== 'connecting') return { link, actions: [] };
      return {
        link: {
          ...link,
          phase: 'open',
          since: now,
          aliveAt: now,
          pingedAt: undefined,
          canPing: event.canPing,
          renewToken: false,
        },
        actions: [],
      };
    case 'alive':
      return { link: { ...link, aliveAt: now, pingedAt: undefined }, actions: [] };
    case 'proven':
      return { link: { ...link, attempt: 0, tokenRefused: false }, actions: [] };
    case 'refusal':
      return { link: { ...link, refusal: event.refusal }, actions: [] };
    case 'fail': {
      const end = { code: 1006, meaning: event.refusal.message, reconnect: false, refusal: event.refusal };
      return over({ ...link, ended: end }, now, [{ type: 'ended', end }, { type: 'cut' }]);
    }
    case 'tick':
      return tick(link, now);
    case 'reconnect':
      if (link.phase !== 'open') return { link, actions: [] };
      return leave(link, now, 'reconnect');
    case 'stop':
      return link.phase === 'idle' || link.phase === 'waiting'
        ? { link: { ...link, phase: 'stopped', since: now, ended: undefined }, actions: [] }
        : leave(link, now, 'stop');
    case 'no-token':
      return ended(link, now, event.random, {
        code: 1006,
        meaning: event.refusal.message,
        reconnect: !isTokenRefusal(event.refusal),
        refusal: event.refusal,
      });
    case 'closed':
      return closed(link, now, event);
  }
}

function connect(link: Link, now: number): { link: Link; actions: LinkAction[] } {
  return {
    link: { ...link, phase: 'connecting', since: now, refusal: undefined, afterLeaving: 'reconnect' },
    actions: [{ type: 'connect', renewToken: link.renewToken }],
  };
}

function leave(link: Link, now: number, afterLeaving: Link['afterLeaving']): { link: Link; actions: LinkAction[] } {
  const action: LinkAction = link.phase === 'open' ? { type: 'close', code: 1000 } : { type: 'cut' };
  const since = link.phase === 'leaving' ? link.since : now;
  return {
    link: { ...link, phase: 'leaving', since, afterLeaving },
    actions: link.phase === 'leaving' ? [] : [action],
  };
}

function tick(link: Link, now: number): { link: Link; actions: LinkAction[] } {
  const elapsed = now - link.since;
  if (link.phase === 'connecting' && elapsed > connectTimeoutMs) return { link, actions: [{ type: 'cut' }] };
  if (link.phase === 'leaving' && elapsed > closeTimeoutMs) return { link, actions: [{ type: 'cut' }] };
  if (link.phase !== 'open') return { link, actions: [] };
  const proven = elapsed > provenAfterMs && link.attempt > 0 ? { ...link, attempt: 0, tokenRefused: false } : link;
  if (!proven.canPing) return { link: proven, actions: [] };
  if (proven.pingedAt !== undefined) {
    return { link: proven, actions: now - proven.pingedAt > pongTimeoutMs ? [{ type: 'cut' }] : [] };
  }
  if (now - proven.aliveAt <= pingAfterMs) return { link: proven, actions: [] };
  return { link: { ...proven, pingedAt: now }, actions: [{ type: 'ping' }] };
}

function closed(
  link: Link,
  now: number,
  { code, reason, random }: { code: number; reason: string; random: number },
): { link: Link; actions: LinkAction[] } {
  const known = explainClose(code);
  const meaning = reason === '' ? known.meaning : `${known.meaning}: ${reason}`;
  // An error that does not lead to this close was about something else.
  const refusal = link.refusal && errorTable[link.refusal.kind].close === code ? { refusal: link.refusal } : {};
  if (link.phase === 'leaving') {
    if (link.afterLeaving === 'stop') return over({ ...link, ended: undefined }, now, []);
    const again = connect(link, now);
    const end = { code, meaning, reconnect: true };
    return { link: again.link, actions: [{ type: 'ended', end }, ...again.actions] };
  }
  // The token may have been revoked in favour of a newer one, so a refusal counts only if a new token is refused too.
  const tokenWorthRenewing = code === 4500 && !link.tokenRefused;
  const end: ConnectionEnd = { code, meaning, reconnect: known.reconnect || tokenWorthRenewing, ...refusal };
  const renewToken = link.renewToken || code === 4003 || code === 4500;
  return ended({ ...link, renewToken, tokenRefused: link.tokenRefused || code === 4500 }, now, random, end);
}

function ended(link: Link, now: number, random: number, end: ConnectionEnd): { link: Link; actions: LinkAction[] } {
  if (!end.reconnect) return over({ ...link, ended: end }, now, [{ type: 'ended', end }]);
  const attempt = link.attempt + 1;
  const askedMs = Math.min((end.refusal?.retryAfterSeconds ?? 0) * 1000, longestAskedWaitMs);
  const backoffMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(attempt - 1, 10));
  // Between half of it and all of it, so that many clients of one gateway do not come back at once.
  const retryInMs = Math.round(askedMs + backoffMs * (0.5 + random / 2));
  return {
    link: { ...link, phase: 'waiting', since: now, attempt, retryInMs, ended: end },
    actions: [
      { type: 'ended', end },
      { type: 'wait', ms: retryInMs },
    ],
  };
}

function over(link: Link, now: number, actions: LinkAction[]): { link: Link; actions: LinkAction[] } {
  return { link: { ...link, phase: 'stopped', since: now }, actions };
}
