/**
 * The least that brings a reading over Redis from one process to another: uWebSockets.js, one PUBLISH per reading with
 * ioredis's auto-pipelining, and `app.publish`. No token, no check, no acknowledgement, no number, nothing kept.
 */

import uWS from 'uWebSockets.js';
import { Redis } from 'ioredis';
import { channelOf, idsIn, redisUrl, reportPort, role } from './serve.ts';

interface Session {
  channels: string[];
}

const redis = new Redis(redisUrl, { enableAutoPipelining: true });
const app = uWS.App();
const maxBackpressure = 64 * 1024 * 1024;

const upgrade: NonNullable<uWS.WebSocketBehavior<Session>['upgrade']> = (response, request, context) => {
  response.upgrade<Session>(
    { channels: idsIn(request.getQuery()).map(channelOf) },
    request.getHeader('sec-websocket-key'),
    request.getHeader('sec-websocket-protocol'),
    request.getHeader('sec-websocket-extensions'),
    context,
  );
};

if (role === 'producer') {
  app.ws<Session>('/producer', {
    upgrade,
    message: (socket, frame) => {
      // The bytes are gone after this call.
      const reading = Buffer.from(frame).toString();
      for (const channel of socket.getUserData().channels) void redis.publish(channel, reading);
    },
  });
} else {
  redis.on('messageBuffer', (channel: Buffer, reading: Buffer) => void app.publish(channel, reading, false));
  app.ws<Session>('/consumer', {
    upgrade,
    maxBackpressure,
    open: (socket) => {
      const { channels } = socket.getUserData();
      for (const channel of channels) socket.subscribe(channel);
      void redis.subscribe(...channels).then(() => socket.send('ready'));
    },
  });
}
app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) throw new Error('cannot listen');
  reportPort(uWS.us_socket_local_port(listening));
});
