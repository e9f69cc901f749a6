import { randomBytes } from 'node:crypto';
import { dialects } from './dialects.ts';
import type { Endpoint } from './plan.ts';

export const endOfHeader = Buffer.from('\r\n\r\n');

/** The HTTP request that opens a WebSocket. */
export function upgradeRequest({ port, path, token, dialect, extension }: Endpoint): string {
  const { subprotocol } = dialects[dialect];
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...(subprotocol === '' ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
    ...(extension === undefined ? [] : [`Sec-WebSocket-Extensions: ${extension}`]),
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
