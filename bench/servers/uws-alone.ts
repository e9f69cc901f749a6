/** uWebSockets.js with nothing behind it: one process takes a frame and publishes it. It shows what load itself can do. */
import uWS from 'uWebSockets.js';
import { idsIn, reportPort } from './serve.ts';

interface Session {
  ids: string[];
}

const upgrade: NonNullable<uWS.WebSocketBehavior<Session>['upgrade']> = (response, request, context) => {
  response.upgrade<Session>(
    { ids: idsIn(request.getQuery()) },
    request.getHeader('sec-websocket-key'),
    request.getHeader('sec-websocket-protocol'),
    request.getHeader('sec-websocket-extensions'),
    context,
  );
};
const maxBackpressure = 64 * 1024 * 1024;

const app = uWS.App();
let waiting: { ids: string[]; reading: string }[] = [];

function publishAll(): void {
  const published = waiting;
  waiting = [];
  for (const { ids, reading } of published) for (const id of ids) app.publish(id, reading, false);
}

app.ws<Session>('/producer', {
  upgrade,
  message: (socket, frame) => {
    // Sent from here, each would be a call of its own: this socket is corked, and only one can be at a time.
    if (waiting.length === 0) setImmediate(publishAll);
    waiting.push({ ids: socket.getUserData().ids, reading: Buffer.from(frame).toString() });
  },
});
app.ws<Session>('/consumer', {
  upgrade,
  maxBackpressure,
  open: (socket) => {
    for (const id of socket.getUserData().ids) socket.subscribe(id);
    socket.send('ready');
  },
});
app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) throw new Error('cannot listen');
  reportPort(uWS.us_socket_local_port(listening));
});
