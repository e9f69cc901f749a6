import { bearerSubprotocolPrefix, subprotocol } from '@motience/protocol';
import type { Socket, SocketListener } from './socket.ts';

/** Opens a socket with the browser's own WebSocket. */
export function openBrowserSocket(url: string, token: string, listener: SocketListener): Socket {
  const socket = new WebSocket(url, [subprotocol, `${bearerSubprotocolPrefix}${token}`]);
  let over = false;
  const end = (code: number, reason: string) => {
    if (over) return;
    over = true;
    listener.closed(code, reason);
  };
  socket.addEventListener('open', () => listener.opened());
  socket.addEventListener('message', ({ data }) => {
    if (!over && typeof data === 'string') listener.text(data);
  });
  socket.addEventListener('close', ({ code, reason }) => end(code, reason));
  return {
    send: (text) => socket.send(text),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    canPing: false,
    ping: () => {},
    pause: () => false,
    resume: () => {},
    close: (code) => socket.close(code),
    cut() {
      // A browser only offers the closing handshake, which a dead link never completes: count it as over at once.
      socket.close();
      end(1006, '');
    },
  };
}
