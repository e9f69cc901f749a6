import { errorTable, explainClose, type Refusal } from '@motience/protocol';
import type { ConnectionEnd } from './connection-state.ts';
import type { EventOf, StateTable } from './state-table.ts';
import { isTokenRefusal } from './token-source.ts';

/**
 * - `idle`: not started.
 * - `connecting`: a token is being fetched, then a socket opened.
 * - `open`: the socket is open.
 * - `leaving`: we are closing the socket; what follows is in `afterLeaving`.
 * - `waiting`: the connection was lost; the next attempt comes when the wait is over.
 * - `stopped`: for good.
 */
type LinkPhase = 'idle' | 'connecting' | 'open' | 'leaving' | 'waiting' | 'stopped';

/**
 * The life of a client's connection as a pure value: when to connect, wait, ping, give up. Times are milliseconds of a
 * monotonic clock. `Connection` carries out the actions.
 */
export interface Link {
  phase: LinkPhase;
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

export interface LinkEvents {
  start: object;
  stop: object;
  /** Close the socket and connect again at once. */
  reconnect: object;
  /** The wait is over. */
  retry: object;
  /** Something came from the server. */
  alive: object;
  /** The server took us for good: failures before no longer count. */
  proven: object;
  /** About a second has passed. */
  tick: object;
  opened: { canPing: boolean };
  /** The server said why it may be about to close. */
  refusal: { refusal: Refusal };
  /** Something on our side failed for good. */
  fail: { refusal: Refusal };
  'no-token': { refusal: Refusal; random: number };
  /** The socket is closed, or could not be opened. */
  closed: { code: number; reason: string; random: number };
}

export type LinkEvent = EventOf<LinkEvents>;

export type LinkAction =
  | { type: 'connect'; renewToken: boolean }
  | { type: 'wait'; ms: number }
  | { type: 'ping' }
  | { type: 'close'; code: number }
  | { type: 'cut' }
  | { type: 'ended'; end: ConnectionEnd };

/** Close code of a refusal that ends a request over HTTP and has no code of its own on a socket. */
export const refusedCode = 4999;

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

interface Step {
  link: Link;
  actions: LinkAction[];
}

/** The link after an event at `now`, and what is to be done about it. */
export function stepLink<Type extends keyof LinkEvents>(
  link: Link,
  event: EventOf<LinkEvents, Type>,
  now: number,
): Step {
  return table[link.phase][event.type](link, event, now);
}

const stay = (link: Link): Step => ({ link, actions: [] });
const alive = (link: Link, _: object, now: number) => stay({ ...link, aliveAt: now, pingedAt: undefined });
const proven = (link: Link) => stay({ ...link, attempt: 0, tokenRefused: false });
const refused = (link: Link, { refusal }: LinkEvents['refusal']) => stay({ ...link, refusal });

/** State by event. This is what runs, not a copy of it. */
const table: StateTable<LinkPhase, Link, LinkEvents, Step, [now: number]> = {
  idle: {
    start: connect,
    stop: end,
    reconnect: stay,
    retry: stay,
    alive: stay,
    proven: stay,
    tick: stay,
    opened: stay,
    refusal: stay,
    fail,
    'no-token': stay,
    closed: stay,
  },
  connecting: {
    start: stay,
    stop: leave('stop'),
    reconnect: stay,
    retry: stay,
    alive,
    proven: stay,
    tick: cutAfter(connectTimeoutMs),
    opened: open,
    refusal: refused,
    fail,
    'no-token': noToken,
    closed: lost,
  },
  open: {
    start: stay,
    stop: leave('stop'),
    reconnect: leave('reconnect'),
    retry: stay,
    alive,
    proven,
    tick: watch,
    opened: stay,
    refusal: refused,
    fail,
    'no-token': stay,
    closed: lost,
  },
  leaving: {
    start: stay,
    stop: leave('stop'),
    reconnect: stay,
    retry: stay,
    alive,
    proven: stay,
    tick: cutAfter(closeTimeoutMs),
    opened: stay,
    refusal: refused,
    fail,
    'no-token': left,
    closed: left,
  },
  waiting: {
    start: stay,
    stop: end,
    reconnect: stay,
    retry: connect,
    alive: stay,
    proven: stay,
    tick: stay,
    opened: stay,
    refusal: stay,
    fail,
    'no-token': stay,
    closed: stay,
  },
  stopped: {
    start: stay,
    stop: stay,
    reconnect: stay,
    retry: stay,
    alive: stay,
    proven: stay,
    tick: stay,
    opened: stay,
    refusal: stay,
    fail: stay,
    'no-token': stay,
    closed: stay,
  },
};

function connect(link: Link, _: object, now: number): Step {
  return {
    link: { ...link, phase: 'connecting', since: now, refusal: undefined, afterLeaving: 'reconnect' },
    actions: [{ type: 'connect', renewToken: link.renewToken }],
  };
}

function open(link: Link, { canPing }: LinkEvents['opened'], now: number): Step {
  return stay({ ...link, phase: 'open', since: now, aliveAt: now, pingedAt: undefined, canPing, renewToken: false });
}

function fail(link: Link, { refusal }: LinkEvents['fail'], now: number): Step {
  const end = { code: 1006, meaning: refusal.message, reconnect: false, refusal };
  return over({ ...link, ended: end }, now, [{ type: 'ended', end }, { type: 'cut' }]);
}

function end(link: Link, _: object, now: number): Step {
  return over({ ...link, ended: undefined }, now, []);
}

function leave(afterLeaving: Link['afterLeaving']) {
  return (link: Link, _: object, now: number): Step => {
    if (link.phase === 'leaving') return stay({ ...link, afterLeaving });
    const action: LinkAction = link.phase === 'open' ? { type: 'close', code: 1000 } : { type: 'cut' };
    return { link: { ...link, phase: 'leaving', since: now, afterLeaving }, actions: [action] };
  };
}

function cutAfter(timeoutMs: number) {
  return (link: Link, _: object, now: number): Step => ({
    link,
    actions: now - link.since > timeoutMs ? [{ type: 'cut' }] : [],
  });
}

/** Pings a link that has gone silent, and cuts one that does not answer. */
function watch(link: Link, _: object, now: number): Step {
  const isProven = now - link.since > provenAfterMs && link.attempt > 0;
  const next = isProven ? { ...link, attempt: 0, tokenRefused: false } : link;
  if (!next.canPing) return stay(next);
  if (next.pingedAt !== undefined) {
    return { link: next, actions: now - next.pingedAt > pongTimeoutMs ? [{ type: 'cut' }] : [] };
  }
  if (now - next.aliveAt <= pingAfterMs) return stay(next);
  return { link: { ...next, pingedAt: now }, actions: [{ type: 'ping' }] };
}

function noToken(link: Link, { refusal, random }: LinkEvents['no-token'], now: number): Step {
  return ended(link, now, random, {
    code: 1006,
    meaning: refusal.message,
    reconnect: !isTokenRefusal(refusal),
    refusal,
  });
}

/** The socket we were leaving is closed. */
function left(link: Link, event: Partial<LinkEvents['closed']>, now: number): Step {
  if (link.afterLeaving === 'stop') return end(link, event, now);
  const again = connect(link, event, now);
  const code = event.code ?? 1006;
  const finished = { code, meaning: meaningOf(code, event.reason ?? ''), reconnect: true };
  return { link: again.link, actions: [{ type: 'ended', end: finished }, ...again.actions] };
}

function lost(link: Link, { code, reason, random }: LinkEvents['closed'], now: number): Step {
  // An error that does not lead to this close was about something else.
  const leadsHere = link.refusal && (errorTable[link.refusal.kind].close ?? refusedCode) === code;
  const refusal = leadsHere && link.refusal ? { refusal: link.refusal } : {};
  // The token may have been revoked in favour of a newer one, so a refusal counts only if a new token is refused too.
  const tokenWorthRenewing = code === 4500 && !link.tokenRefused;
  const reconnect = explainClose(code).reconnect || tokenWorthRenewing;
  const end: ConnectionEnd = { code, meaning: meaningOf(code, reason), reconnect, ...refusal };
  const renewToken = link.renewToken || code === 4003 || code === 4500;
  return ended({ ...link, renewToken, tokenRefused: link.tokenRefused || code === 4500 }, now, random, end);
}

function meaningOf(code: number, reason: string): string {
  const { meaning } = explainClose(code);
  return reason === '' ? meaning : `${meaning}: ${reason}`;
}

function ended(link: Link, now: number, random: number, end: ConnectionEnd): Step {
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

function over(link: Link, now: number, actions: LinkAction[]): Step {
  return { link: { ...link, phase: 'stopped', since: now }, actions };
}
