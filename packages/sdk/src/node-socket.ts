import { bearerSubprotocolPrefix, subprotocol } from '@motience/protocol';
import WebSocket from 'ws';
import type { Socket, SocketListener } from './socket.ts';

const connectTimeoutMs = 10_000;
/** Frames down are small; anything larger is not our server. */
const maxFrameBytes = 4 * 1024 * 1024;

/** Opens a socket with the `ws` package. */
export function openNodeSocket(url: string, token: string, listener: SocketListener): Socket {
  const socket = new WebSocket(url, [subprotocol, `${bearerSubprotocolPrefix}${token}`], {
    handshakeTimeout: connectTimeoutMs,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
  });
  let failure = '';
  socket.on('open', () => listener.opened());
  socket.on('message', (data, isBinary) => {
    if (!isBinary) listener.text(data.toString());
  });
  socket.on('ping', () => listener.alive());
  socket.on('pong', () => listener.alive());
  // `ws` ends every failed attempt with `error` and then `close` 1006, whose reason is empty.
  socket.on('error', (error) => {
    failure = error.message;
  });
  socket.on('close', (code, reason) => listener.closed(code, reason.toString() || failure));
  return {
    send: (text) => socket.send(text),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    canPing: true,
    ping() {
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    },
    pause() {
      socket.pause();
      return true;
    },
    resume: () => socket.resume(),
    close: (code) => socket.close(code),
    cut: () => socket.terminate(),
  };
}
