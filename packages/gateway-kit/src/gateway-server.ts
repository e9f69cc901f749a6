import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import uWS from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { goingAwayCode, Refusal, useOwnWords } from '@motience/protocol';
import {
  CannotListen,
  type Logger,
  listenError,
  mayReadMetrics,
  type Readiness,
  type Registry,
  urlOf,
} from '@motience/service-kit';
import { AddressLimit } from './address-limit.ts';
import type { Admission } from './admit-socket.ts';
import { EarlyFrames, type EarlyTotal, type Frame } from './early-frames.ts';
import { addEventRoute, type EventRoute } from './event-route.ts';
import type { EventStream } from './event-stream.ts';
import {
  addressOf,
  isHead,
  reply,
  replyLater,
  replyOtherMethod,
  replyRefusal,
  socketAddress,
  tooManySockets,
} from './http-replies.ts';
import { ServerSocket } from './server-socket.ts';
import { readUpgrade, selectedProtocol, type UpgradeRequest, wantsCompression } from './token-of-request.ts';

export interface GatewayServerOptions<Session> {
  host: string;
  port: number;
  /** Environment variable of the port, for the error when it is in use. */
  portVariable: string;
  /** Path of the sockets: `/producer` or `/consumer`. */
  path: string;
  tls: { certFile: string; keyFile: string } | undefined;
  trustProxy: number;
  metricsToken: string | undefined;
  maxFrameBytes: number;
  /** uWebSockets.js drops what would go beyond; our own bounds lie below. */
  maxBackpressureBytes: number;
  /** Whether sockets may ask for `permessage-deflate`, by `?compress=true`; browsers offer it always. */
  mayCompress?: boolean;
  pingSeconds: number;
  idleTimeoutSeconds: number;
  /** Per address. */
  newSocketsPerMinute: number;
  readiness(): Promise<Readiness>;
  metrics: Registry;
  logger: Logger;
  admit(request: UpgradeRequest): Promise<Admission>;
  /** `query` is the request's query string. */
  open(socket: ServerSocket, admission: Admission, query: string): Session;
  receiveText(session: Session, text: string): void;
  receiveBinary(session: Session): void;
  closed(session: Session): void;
  /** What is also offered as server-sent events. */
  events?: EventRoute;
}

type ListenOptions = Pick<GatewayServerOptions<unknown>, 'host' | 'port' | 'portVariable'>;

export interface GatewayServer {
  port: number;
  url: string;
  /** Sends a frame to every socket subscribed to the topic; uWebSockets.js builds it once for all. */
  publish(topic: string, frame: Uint8Array): void;
  /** Accepts no further sockets. */
  stopListening(): void;
  /** Closes every socket with 1001, and gives the other ends a moment to take that in. */
  closeSockets(): Promise<void>;
  close(): void;
}

interface Connection<Session> {
  requestId: string;
  /** What came before the socket was admitted; undefined once it is decided. */
  early: EarlyFrames | undefined;
  /** Undefined once it is decided: an idle socket should not keep its token. */
  upgrade: { address: string; request: UpgradeRequest } | undefined;
  socket?: ServerSocket;
  session?: Session;
}

/** Far over the limit of a frame the transport cuts (1006); up to here our own check answers with 1009. */
const transportFrameFactor = 8;

/** How long a stop waits for close frames to arrive. */
const goodbyeMs = 300;

/** Most sockets that may wait for their token to be checked. */
const maxPendingAdmissions = 10_000;

/** Serves sockets at `path`, and `/health`, `/ready` and `/metrics`. Only this package knows uWebSockets.js. */
export async function startGatewayServer<Session>(options: GatewayServerOptions<Session>): Promise<GatewayServer> {
  useOwnWords();
  await checkPortIsFree(options);
  const app = createApp(options.tls);
  const sockets = new Set<ServerSocket>();
  const newSockets = new AddressLimit(options.newSocketsPerMinute);
  const earlyTotal: EarlyTotal = { bytes: 0 };
  let pendingAdmissions = 0;
  let listening = true;

  const receive = (session: Session, socket: ServerSocket, frame: Frame) => {
    try {
      if (frame === undefined) options.receiveBinary(session);
      else options.receiveText(session, frame);
    } catch (error) {
      refuseInternal(socket, error, options.logger);
    }
  };

  const admit = async (connection: Connection<Session>, socket: ServerSocket) => {
    const { requestId, upgrade, early } = connection;
    if (!upgrade) return;
    const { address, request } = upgrade;
    try {
      const admission = await options.admit(request);
      if (!socket.isOpen) {
        admission.end();
        return;
      }
      options.logger.debug({ request_id: requestId, address, accountId: admission.claims.sub }, 'socket opened');
      try {
        connection.session = options.open(socket, admission, request.query);
      } catch (error) {
        admission.end();
        throw error;
      }
      for (const frame of early?.take() ?? []) if (socket.isOpen) receive(connection.session, socket, frame);
    } catch (error) {
      if (error instanceof Refusal) {
        options.logger.info({ request_id: requestId, address, kind: error.kind, why: error.message }, 'socket refused');
        socket.refuse(error);
      } else refuseInternal(socket, error, options.logger);
    } finally {
      early?.take();
      connection.early = undefined;
      connection.upgrade = undefined;
    }
  };

  app.ws<Connection<Session>>(options.path, {
    maxPayloadLength: options.maxFrameBytes * transportFrameFactor,
    maxBackpressure: options.maxBackpressureBytes,
    compression: options.mayCompress ? uWS.SHARED_COMPRESSOR : uWS.DISABLED,
    idleTimeout: options.idleTimeoutSeconds,
    sendPingsAutomatically: false,
    // Upgraded at once and admitted after: uWebSockets.js may shut a socket down whose upgrade comes later
    // (uNetworking/uWebSockets#1929), and a browser cannot read why an upgrade was refused. Only what protects the
    // server itself is told over HTTP.
    upgrade: (response, request, context) => {
      const requestId = randomUUID();
      const address = addressOf(response, request, options.trustProxy);
      const waitSeconds = newSockets.take(address);
      if (waitSeconds > 0) {
        return replyRefusal(response, tooManySockets(options.newSocketsPerMinute, waitSeconds), requestId);
      }
      if (!listening || pendingAdmissions >= maxPendingAdmissions) {
        return replyRefusal(response, new Refusal('unavailable', 'try again', { retryAfterSeconds: 1 }), requestId);
      }
      const upgrade = { address, request: readUpgrade(request) };
      response.upgrade<Connection<Session>>(
        { requestId, upgrade, early: new EarlyFrames(earlyTotal) },
        request.getHeader('sec-websocket-key'),
        selectedProtocol(upgrade.request),
        wantsCompression(upgrade.request) ? request.getHeader('sec-websocket-extensions') : '',
        context,
      );
    },
    open: (ws) => {
      const connection = ws.getUserData();
      const socket = new ServerSocket(ws, connection.requestId);
      connection.socket = socket;
      sockets.add(socket);
      pendingAdmissions += 1;
      admit(connection, socket).finally(() => {
        pendingAdmissions -= 1;
      });
    },
    message: (ws, bytes, isBinary) => {
      const { session, socket, early } = ws.getUserData();
      if (!socket?.isOpen) return;
      if (bytes.byteLength > options.maxFrameBytes) {
        socket.refuse(new Refusal('too-large', `a frame may have at most ${options.maxFrameBytes} bytes`));
        return;
      }
      const frame = isBinary ? undefined : Buffer.from(bytes).toString();
      if (session !== undefined) receive(session, socket, frame);
      else if (early && !early.add(frame, bytes.byteLength)) {
        const why = 'too much was sent before the token was checked: reconnect and send again';
        socket.refuse(new Refusal('unavailable', why, { retryAfterSeconds: 1 }));
      }
    },
    drain: (ws) => ws.getUserData().socket?.drained(),
    dropped: (ws) => ws.getUserData().socket?.cut(),
    close: (ws, code, reason) => {
      const { session, socket, requestId } = ws.getUserData();
      logClose(options.logger, requestId, code, reason);
      if (socket) {
        socket.forget();
        sockets.delete(socket);
      }
      if (session === undefined) return;
      try {
        options.closed(session);
      } catch (error) {
        options.logger.error({ err: error, request_id: requestId }, 'internal error');
      }
    },
  });
  const eventStreams = new Set<EventStream>();
  if (options.events) {
    addEventRoute(app, options.events, {
      ...options,
      takeNewSocket: (address) => newSockets.take(address),
      isListening: () => listening,
      eventStreams,
    });
  }
  addOperationRoutes(app, options);

  const port = await listen(app, options);
  const pings = setInterval(() => {
    for (const socket of sockets) socket.ping();
  }, options.pingSeconds * 1_000);

  // A process that ends with an open app may hang or abort.
  const closeApp = () => void app.close();
  process.once('exit', closeApp);

  return {
    port,
    url: urlOf(options.tls ? 'wss' : 'ws', options.host, port) + options.path,
    publish: (topic, frame) => {
      app.publish(topic, frame, false, options.mayCompress ?? false);
    },
    stopListening: () => {
      listening = false;
    },
    closeSockets: async () => {
      for (const stream of [...eventStreams]) stream.end();
      if (sockets.size === 0) return;
      for (const socket of [...sockets]) socket.end(goingAwayCode, 'the server is stopping');
      // A connection that is ended while something unread arrives is reset, and the close frame with it.
      await setTimeout(goodbyeMs);
    },
    close: () => {
      process.off('exit', closeApp);
      clearInterval(pings);
      app.close();
    },
  };
}

/** Closes one socket for a mistake of ours, which would otherwise end the process and every socket with it. */
export function refuseInternal(socket: ServerSocket, error: unknown, logger: Logger): void {
  logger.error({ err: error, request_id: socket.requestId }, 'internal error');
  socket.refuse(new Refusal('internal', 'an internal error', { cause: error }));
}

/**
 * What is no frame of the protocol, as one of text that is not UTF-8, uWebSockets.js cuts without a word to the other
 * end; why, it only tells here.
 */
function logClose(logger: Logger, requestId: string, code: number, reason: ArrayBuffer): void {
  const why = code === 1006 ? Buffer.from(reason).toString() : '';
  if (why === '') logger.debug({ request_id: requestId, code }, 'socket closed');
  else logger.info({ request_id: requestId, code, why }, 'socket cut');
}

function addOperationRoutes<Session>(app: TemplatedApp, options: GatewayServerOptions<Session>): void {
  const route = (path: string, answer: (response: HttpResponse, request: HttpRequest) => void) => {
    app.get(path, answer);
    app.head(path, answer);
    app.any(path, (response, request) => replyOtherMethod(response, request, 'GET, HEAD'));
  };
  route('/health', (response, request) => reply(response, 200, { status: 'ok' }, { isHead: isHead(request) }));
  route('/ready', (response, request) => {
    replyLater(
      response,
      options.readiness().then(({ status, body }) => ({ status, body })),
      options.logger,
      { isHead: isHead(request) },
    );
  });
  route('/metrics', (response, request) => {
    const allowed = mayReadMetrics({
      address: socketAddress(response),
      xForwardedFor: request.getHeader('x-forwarded-for') || undefined,
      authorization: request.getHeader('authorization') || undefined,
      metricsToken: options.metricsToken,
    });
    const head = { isHead: isHead(request) };
    if (!allowed) {
      return replyRefusal(response, new Refusal('forbidden', 'metrics need METRICS_TOKEN'), randomUUID(), head);
    }
    replyLater(
      response,
      options.metrics.metrics().then((body) => ({ status: 200, body })),
      options.logger,
      head,
    );
  });
  route(options.path, (response, request) => {
    const refusal = new Refusal('invalid-request', 'expected a WebSocket upgrade');
    replyRefusal(response, refusal, randomUUID(), { isHead: isHead(request) });
  });
  app.any('/*', (response, request) => {
    replyRefusal(response, new Refusal('not-found', 'no such route'), randomUUID(), { isHead: isHead(request) });
  });
}

function createApp(tls: GatewayServerOptions<unknown>['tls']): TemplatedApp {
  return tls ? uWS.SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile }) : uWS.App();
}

/** uWebSockets.js would share a port with whoever has it already, so a plain socket asks first. */
async function checkPortIsFree({ host, port, portVariable }: ListenOptions): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error) => reject(listenError(error, host, port, portVariable)));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

function listen(app: TemplatedApp, { host, port, portVariable }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    app.listen(host, port, (listenSocket) => {
      if (listenSocket) resolve(uWS.us_socket_local_port(listenSocket));
      else reject(new CannotListen(host, port, portVariable));
    });
  });
}
