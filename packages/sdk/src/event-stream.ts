import {
  type ConsumerDownFrame,
  errorFrameSchema,
  errorTable,
  goingAwayCode,
  type Refusal,
  subscribeFrameSchema,
} from '@motience/protocol';
import { createParser, type EventSourceParser } from 'eventsource-parser';
import { parseDownFrame } from './down-frames.ts';
import { type Fetch, isErrorKind, readRefusal } from './http-request.ts';
import { refusedCode } from './link.ts';
import type { OpenSocket, Socket, SocketListener } from './socket.ts';

/** The server sends at least a comment every 15 s. */
const silenceTimeoutMs = 45_000;
/** Events are small; anything larger is not our server. */
const maxEventCharacters = 4 * 1024 * 1024;

/**
 * Opens a consumer's stream over HTTP (server-sent events) in the place of a socket, so that what is built on a socket
 * works on both: a `subscribe` frame becomes a request for that stream and position, another one takes its place, and
 * each event comes as the frame it holds. The token travels in a header, never in the URL.
 */
export function openEventStreamWith(fetch: Fetch): OpenSocket {
  return (url, token, listener) => {
    const stream = new EventStream(fetch, url, token, listener);
    queueMicrotask(() => stream.open());
    return stream;
  };
}

class EventStream implements Socket {
  readonly bufferedBytes = 0;
  readonly canPing = false;
  readonly #fetch: Fetch;
  readonly #url: string;
  readonly #token: string;
  readonly #listener: SocketListener;
  /** The request under way; what an earlier one still brings is of no use. */
  #request: AbortController | undefined;
  #isOver = false;
  #resumed: (() => void) | undefined;
  #paused: Promise<void> | undefined;

  constructor(fetch: Fetch, url: string, token: string, listener: SocketListener) {
    this.#fetch = fetch;
    this.#url = url;
    this.#token = token;
    this.#listener = listener;
  }

  /** There is nothing to be opened before a stream is asked for: greets as a server does that starts none by itself. */
  open(): void {
    if (this.#isOver) return;
    this.#listener.opened();
    const welcome: ConsumerDownFrame = { type: 'welcome', session_id: '', streams: [] };
    this.#listener.text(JSON.stringify(welcome));
  }

  send(text: string): void {
    const frame = subscribeFrameSchema.safeParse(JSON.parse(text));
    this.#request?.abort();
    this.#request = undefined;
    if (!frame.success) return;
    const { producer_id, device_id, fields, max_rate, epoch, after } = frame.data;
    const url = new URL(this.#url);
    url.searchParams.set('producer_id', producer_id);
    if (device_id !== undefined) url.searchParams.set('device_id', device_id);
    for (const field of fields ?? []) url.searchParams.append('fields', field);
    if (max_rate !== undefined) url.searchParams.set('max_rate', String(max_rate));
    const request = new AbortController();
    this.#request = request;
    void this.#receive(request, url.href, epoch === undefined ? undefined : `${epoch}:${after}`);
  }

  ping(): void {}

  pause(): boolean {
    this.#paused ??= new Promise((resolve) => {
      this.#resumed = resolve;
    });
    return true;
  }

  resume(): void {
    this.#resumed?.();
    this.#paused = undefined;
    this.#resumed = undefined;
  }

  close(code: number): void {
    this.#end(code, '');
  }

  cut(): void {
    this.#end(1006, '');
  }

  async #receive(request: AbortController, url: string, lastEventId: string | undefined): Promise<void> {
    let said: string | undefined;
    try {
      const silence = new SilenceTimer(() => request.abort(new Error('the server has gone silent')));
      const parser = createParser({
        maxBufferSize: maxEventCharacters,
        onComment: () => this.#listener.alive(),
        onEvent: ({ event, data }) => {
          if (this.#request !== request) return;
          if (event === 'error') said = parseDownFrame(errorFrameSchema, data)?.kind;
          this.#listener.text(data);
        },
        onError: (error) => {
          if (error.type === 'max-buffer-size-exceeded') request.abort(error);
        },
      });
      try {
        const response = await this.#fetch(url, {
          headers: {
            accept: 'text/event-stream',
            authorization: `Bearer ${this.#token}`,
            ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
          },
          cache: 'no-store',
          signal: request.signal,
        });
        silence.restart();
        const isStream = response.ok && response.headers.get('content-type')?.startsWith('text/event-stream');
        if (!isStream) this.#refuse(request, await readRefusal(response));
        else if (response.body) await this.#read(response.body, parser, silence);
      } finally {
        silence.stop();
      }
      if (this.#request === request) this.#end(codeOf(said) ?? goingAwayCode, '');
    } catch (error) {
      if (this.#request === request) this.#end(codeOf(said) ?? 1006, error instanceof Error ? error.message : '');
    }
  }

  async #read(body: ReadableStream<Uint8Array>, parser: EventSourceParser, silence: SilenceTimer): Promise<void> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      if (this.#paused) {
        silence.stop();
        await this.#paused;
      }
      silence.restart();
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  #refuse(request: AbortController, refusal: Refusal): void {
    if (this.#request !== request) return;
    const { kind, message, retryAfterSeconds } = refusal;
    const retry = retryAfterSeconds === undefined ? {} : { retry_after: retryAfterSeconds };
    const frame: ConsumerDownFrame = { type: 'error', kind, detail: message, ...retry };
    this.#listener.text(JSON.stringify(frame));
    this.#end(codeOf(kind) ?? refusedCode, '');
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const request = this.#request;
    this.#request = undefined;
    request?.abort();
    this.resume();
    this.#listener.closed(code, reason);
  }
}

class SilenceTimer {
  readonly #silent: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(silent: () => void) {
    this.#silent = silent;
    this.restart();
  }

  restart(): void {
    this.stop();
    this.#timer = setTimeout(this.#silent, silenceTimeoutMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** The close code that says the same on a socket; undefined if none does. */
function codeOf(kind: string | undefined): number | undefined {
  return kind !== undefined && isErrorKind(kind) ? (errorTable[kind].close ?? undefined) : undefined;
}
