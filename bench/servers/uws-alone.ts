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
app.ws<Session>('/producer', {
  upgrade,
  message: (socket, frame) => {
    for (const id of socket.getUserData().ids) app.publish(id, frame, false);
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
