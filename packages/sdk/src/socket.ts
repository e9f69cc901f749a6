/** What a platform's WebSocket tells. `closed` comes exactly once, and last. */
export interface SocketListener {
  opened(): void;
  text(text: string): void;
  /** The other side showed that it lives by something that is no text: a ping or a pong. */
  alive(): void;
  closed(code: number, reason: string): void;
}

/** What the SDK needs from a platform's WebSocket. */
export interface Socket {
  send(text: string): void;
  /** Bytes handed to `send` that have not left yet. */
  readonly bufferedBytes: number;
  /** Whether the platform can send pings; browsers cannot. */
  readonly canPing: boolean;
  ping(): void;
  /** Stops reading, so that the network holds the other side back; false where the platform cannot. */
  pause(): boolean;
  resume(): void;
  /** Starts the closing handshake. */
  close(code: number): void;
  /** Ends it now; `closed(1006)` follows. */
  cut(): void;
}

/** Opens a socket. The token travels as a subprotocol, never in the URL. */
export type OpenSocket = (url: string, token: string, listener: SocketListener) => Socket;
