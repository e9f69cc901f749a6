import type { HttpRequest } from 'uWebSockets.js';
import { bearerSubprotocolPrefix, subprotocol } from '@motience/protocol';

/** The parts of an upgrade request that may carry a token. */
export interface UpgradeRequest {
  /** Query string, without the question mark. */
  query: string;
  authorization: string;
  /** `Sec-WebSocket-Protocol`, as sent. */
  protocols: string;
}

/**
 * The access token of an upgrade request: from `Authorization: Bearer`, from the subprotocols
 * `motience.v1, bearer.<token>`, or from `?token=`, in this order. Undefined if there is none.
 */
export function tokenOfRequest(request: UpgradeRequest): string | undefined {
  const fromHeader = /^Bearer +(\S+)$/i.exec(request.authorization)?.[1];
  if (fromHeader) return fromHeader;
  const fromProtocol = offeredProtocols(request).find((protocol) => protocol.startsWith(bearerSubprotocolPrefix));
  if (fromProtocol) return fromProtocol.slice(bearerSubprotocolPrefix.length);
  return new URLSearchParams(request.query).get('token') ?? undefined;
}

/** The subprotocol to select: ours if it was offered; never the one that carries the token. */
export function selectedProtocol(request: UpgradeRequest): string {
  return offeredProtocols(request).includes(subprotocol) ? subprotocol : '';
}

/** Whether what is sent is to be compressed, where the other end can. */
export function wantsCompression({ query }: UpgradeRequest): boolean {
  return new URLSearchParams(query).get('compress') === 'true';
}

function offeredProtocols({ protocols }: UpgradeRequest): string[] {
  return protocols.split(',').map((protocol) => protocol.trim());
}

/** Copies what is needed from the request, which is gone after the upgrade. */
export function readUpgrade(request: HttpRequest): UpgradeRequest {
  return {
    query: request.getQuery(),
    authorization: request.getHeader('authorization'),
    protocols: request.getHeader('sec-websocket-protocol'),
  };
}
