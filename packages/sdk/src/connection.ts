import { Refusal } from '@motience/protocol';
import type { ConnectionEnd, ConnectionState } from './connection-state.ts';
import { isErrorKind } from './http-request.ts';
import { type Link, type LinkAction, type LinkEvent, newLink, stepLink } from './link.ts';
import type { OpenSocket, Socket } from './socket.ts';
import type { TokenSource } from './token-source.ts';

/** What a connection tells the client that owns it. */
interface ConnectionOwner {
  opened(): void;
  text(text: string): void;
  /** A connection, or an attempt, ended. */
  closed(end: ConnectionEnd): void;
  /** After every change of the state; the last one is `stopped`. */
  changed(state: ConnectionState): void;
  /** About once a second while connected. */
  tick(now: number): void;
}

export interface ConnectionOptions {
  url: string;
  tokens: TokenSource;
  openSocket: OpenSocket;
  owner: ConnectionOwner;
}

const tickMs = 1_000;

/** Carries out what `Link` decides: one socket at a time, its token, timers and pings. */
export class Connection {
  readonly #options: ConnectionOptions;
  #link: Link = newLink;
  #socket: Socket | undefined;
  #token: string | undefined;
  #waiting: ReturnType<typeof setTimeout> | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #paused = false;
  /** The state that was told last, as far as a change of it is worth telling. */
  #told = 'idle';
  #stopping: (() => void)[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    const { phase, attempt, retryInMs, ended } = this.#link;
    if (phase === 'waiting' && ended) return { phase, attempt, retryInMs, ended };
    if (phase === 'stopped') return ended ? { phase, ended } : { phase };
    if (phase === 'open' || phase === 'idle') return { phase };
    return phase === 'leaving' ? { phase: 'open' } : { phase: 'connecting', attempt: attempt + 1 };
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedBytes ?? 0;
  }

  start(): void {
    this.#step({ type: 'start' });
  }

  /** Ends for good; resolves when the socket is closed. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopping.push(resolve);
      this.#step({ type: 'stop' });
    });
  }

  /** Closes the socket and connects again at once. */
  reconnect(): void {
    this.#step({ type: 'reconnect' });
  }

  /** Ends a connection that has gone silent, as a network failure would. */
  cut(): void {
    this.#socket?.cut();
  }

  /** The server took us for good: failures before no longer count. */
  proven(): void {
    this.#step({ type: 'proven' });
  }

  /** The server said why it may be about to close. */
  refusal(refusal: Refusal): void {
    this.#step({ type: 'refusal', refusal });
  }

  /** Ends for good because something on our side failed. */
  fail(refusal: Refusal): void {
    this.#step({ type: 'fail', refusal });
  }

  /** Sends if the connection is open; otherwise the text is dropped, as it would be with the connection. */
  send(text: string): void {
    if (this.#link.phase === 'open') this.#socket?.send(text);
  }

  /** Stops reading from the socket until `resume`; false where the platform cannot. */
  pause(): boolean {
    this.#paused = this.#socket?.pause() ?? false;
    return this.#paused;
  }

  resume(): void {
    this.#paused = false;
    this.#step({ type: 'alive' });
    this.#socket?.resume();
  }

  #step(event: LinkEvent): void {
    const before = this.#link;
    const { link, actions } = stepLink(before, event, performance.now());
    this.#link = link;
    if (before.phase === 'idle' && link.phase !== 'idle') this.#ticking = setInterval(() => this.#tick(), tickMs);
    if (link.phase === 'stopped') this.#clearTimers();
    this.#tellState();
    for (const action of actions) this.#do(action);
    if (this.#link.phase === 'stopped') {
      for (const resolve of this.#stopping.splice(0)) resolve();
    }
  }

  #do(action: LinkAction): void {
    switch (action.type) {
      case 'connect':
        void this.#connect(action.renewToken);
        return;
      case 'wait':
        this.#waiting = setTimeout(() => this.#step({ type: 'retry' }), action.ms);
        return;
      case 'ping':
        this.#socket?.ping();
        return;
      case 'close':
        this.#socket?.close(action.code);
        return;
      case 'cut':
        if (this.#socket) this.#socket.cut();
        else if (this.#link.phase === 'leaving') this.#closed(1000, '');
        return;
      case 'ended':
        this.#options.owner.closed(action.end);
        return;
    }
  }

  #tellState(): void {
    const { state } = this;
    const told = 'attempt' in state ? `${state.phase} ${state.attempt}` : state.phase;
    if (told === this.#told) return;
    this.#told = told;
    this.#options.owner.changed(state);
  }

  async #connect(renewToken: boolean): Promise<void> {
    const { tokens, openSocket, url, owner } = this.#options;
    const attempt = this.#link;
    const overtaken = () => this.#link.phase !== 'connecting' || this.#link.since !== attempt.since;
    let token: string;
    try {
      token = await tokens.accessToken(renewToken ? this.#token : undefined);
    } catch (error) {
      if (overtaken()) return;
      const refusal = error instanceof Refusal ? error : new Refusal('unavailable', describe(error), { cause: error });
      this.#step({ type: 'no-token', refusal, random: Math.random() });
      return;
    }
    if (overtaken()) return;
    this.#token = token;
    this.#paused = false;
    let socket: Socket | undefined;
    const current = () => socket !== undefined && this.#socket === socket;
    try {
      socket = openSocket(url, token, {
        opened: () => {
          if (!current() || !socket) return;
          this.#step({ type: 'opened', canPing: socket.canPing });
          if (this.#link.phase === 'open') owner.opened();
        },
        text: (text) => {
          if (!current()) return;
          this.#step({ type: 'alive' });
          if (this.#link.phase === 'open') owner.text(text);
        },
        alive: () => {
          if (current()) this.#step({ type: 'alive' });
        },
        closed: (code, reason) => {
          if (current()) this.#closed(code, reason);
        },
      });
      this.#socket = socket;
    } catch (error) {
      this.#closed(1006, describe(error));
    }
  }

  #closed(code: number, reason: string): void {
    this.#socket = undefined;
    // Our gateways give the error's kind, which the code's meaning says already; other reasons add to it.
    this.#step({ type: 'closed', code, reason: isErrorKind(reason) ? '' : reason, random: Math.random() });
  }

  #tick(): void {
    if (this.#paused) this.#step({ type: 'alive' });
    this.#step({ type: 'tick' });
    if (this.#link.phase === 'open') this.#options.owner.tick(performance.now());
  }

  #clearTimers(): void {
    clearTimeout(this.#waiting);
    clearInterval(this.#ticking);
  }
}

/** A gateway's address with its path; throws a `TypeError` on what is no ws address, or holds secrets. */
export function socketUrl(gatewayUrl: string, path: string): URL {
  const url = new URL(gatewayUrl);
  const protocol = { 'http:': 'ws:', 'https:': 'wss:', 'ws:': 'ws:', 'wss:': 'wss:' }[url.protocol];
  if (!protocol) throw new TypeError(`expected ws:// or wss://, got ${url.protocol}//`);
  if (url.username || url.password || url.searchParams.has('token')) {
    throw new TypeError('a gateway address must not hold a token or a password');
  }
  const whole = new URL(`${protocol}//${url.host}${url.pathname === '/' ? path : url.pathname}${url.search}`);
  return whole;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
