import type { SizeOf } from './packets.ts';

/** `note` is passed over; `trouble` is whatever should not come. */
type FrameKind = 'reading' | 'ready' | 'ack' | 'note' | 'ping' | 'trouble';

/** How a kind of server speaks: what goes around a reading, and what a frame from it is. */
export interface Dialect {
  /** Sent once the socket is open. */
  readonly hello: readonly string[];
  /** Whether a socket can be used as soon as it is open; otherwise once a `ready` has come. */
  readonly readyAtOpen: boolean;
  readonly opcode: number;
  /** Asked for at the upgrade; empty for none. */
  readonly subprotocol: string;
  /** Where frames are only an envelope for a stream of packets: how long the packet is that begins somewhere. */
  readonly packetSize?: SizeOf;
  /** What stands before a reading that goes to a topic; each character is a byte. */
  before(topic: string): string;
  readonly after: string;
  /** Whether what is settled is acknowledged to the sender. */
  readonly acknowledges: boolean;
  /** The answer to a `ping` that is a frame like others. */
  readonly pong: string;
  kindOf(bytes: Buffer, start: number, end: number): FrameKind;
  /** How many readings an `ack` settles, counted from the first of the connection. */
  acknowledged(bytes: Buffer, end: number): number;
}
