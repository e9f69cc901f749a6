/** The plain way: `ws`, one PUBLISH per reading, one `send` per consumer. No token, no acknowledgement, nothing kept. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { type WebSocket, WebSocketServer } from 'ws';
import { channelOf, idsIn, redisUrl, reportPort, role } from './serve.ts';

const redis = new Redis(redisUrl);
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
const consumers = new Map<string, Set<WebSocket>>();

function receiveFrom(socket: WebSocket, ids: readonly string[]): void {
  socket.on('message', (frame) => {
    const reading: unknown = JSON.parse(String(frame));
    if (typeof reading !== 'object') return;
    for (const id of ids) void redis.publish(channelOf(id), JSON.stringify({ producer_id: id, ...reading }));
  });
}

async function sendTo(socket: WebSocket, ids: readonly string[]): Promise<void> {
  for (const channel of ids.map(channelOf)) {
    const others = consumers.get(channel);
    if (others) others.add(socket);
    else consumers.set(channel, new Set([socket]));
    await redis.subscribe(channel);
  }
  socket.send('ready');
}

server.on('connection', (socket, request) => {
  const ids = idsIn((request.url ?? '').split('?')[1] ?? '');
  if (role === 'producer') receiveFrom(socket, ids);
  else void sendTo(socket, ids);
});
redis.on('message', (channel: string, reading: string) => {
  for (const socket of consumers.get(channel) ?? []) socket.send(reading);
});
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('cannot listen');
reportPort(address.port);
