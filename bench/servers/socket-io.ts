/** Socket.IO with its Redis adapter: an event per reading, to the room of its stream. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { idsIn, redisUrl, reportPort, role } from './serve.ts';

const redis = new Redis(redisUrl);
const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(redis, redis.duplicate()),
  transports: ['websocket'],
  serveClient: false,
});

io.on('connection', (socket) => {
  const ids = idsIn((socket.request.url ?? '').split('?')[1] ?? '');
  if (role === 'producer') {
    socket.on('reading', (reading: unknown) => {
      for (const id of ids) io.to(id).emit('reading', reading);
    });
  } else void socket.join(ids);
  socket.emit('ready');
});
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const address = http.address();
if (address === null || typeof address === 'string') throw new Error('cannot listen');
reportPort(address.port);
