/** What a load process is told to do and what it answers, over its IPC channel. */
import { z } from 'zod';
import type { DialectName } from './dialects.ts';

/** A socket that load opens. */
export interface Endpoint {
  port: number;
  path: string;
  /** Sent as `Authorization: Bearer`. */
  token?: string;
  dialect: DialectName;
  /** Sent once it is open, after what its dialect begins with; each character is a byte. */
  hello?: string[];
  /** What readings are sent to, where each says so itself. */
  topic?: string;
  /** Offered at the upgrade as `Sec-WebSocket-Extensions`. */
  extension?: string;
}

/** Sends readings over `producers` and counts what `consumers` get. */
export interface StreamPlan {
  kind: 'stream';
  producers: Endpoint[];
  consumers: Endpoint[];
  /** How many consumers each reading goes to. */
  deliveriesPerReading: number;
  /** Most readings that are on the way at once: sent, but not delivered to all and acknowledged. */
  window: number;
  /** Of all producers together; as fast as the window allows when left out. */
  perSecond?: number;
  warmUpMs: number;
  measureMs: number;
}

/** Opens sockets, at most `atOnce` at a time, says so, and holds them until it is told to go on. */
export interface ConnectPlan {
  kind: 'connect';
  endpoints: Endpoint[];
  atOnce: number;
}

/** A consumer comes back for `missed` readings while the stream goes on at `perSecond`. */
export interface ResumePlan {
  kind: 'resume';
  producer: Endpoint;
  /** Receives everything live. */
  witness: Endpoint;
  /** The one that comes back. Its socket starts nothing by itself. */
  returning: Endpoint;
  producerId: string;
  missed: number;
  window: number;
  perSecond: number;
  measureMs: number;
}

/** Sends readings at a rate while sockets listen of which only the bytes are counted: they may be packed or compressed. */
export interface ListenPlan {
  kind: 'listen';
  producer: Endpoint;
  listeners: Endpoint[];
  window: number;
  perSecond: number;
  warmUpMs: number;
  measureMs: number;
}

export type Plan = ListenPlan | StreamPlan | ConnectPlan | ResumePlan;

const latencySchema = z.object({ count: z.number(), p50: z.number(), p99: z.number(), max: z.number() });
/** Milliseconds. */
export type Latency = z.infer<typeof latencySchema>;

const accountSchema = z.object({
  sent: z.number(),
  delivered: z.number(),
  /** Deliveries that were owed and never came. */
  lost: z.number(),
  /** Whatever else was not as it should be. */
  troubles: z.array(z.string()),
});
export type Account = z.infer<typeof accountSchema>;

const streamResultSchema = accountSchema.extend({
  kind: z.literal('stream'),
  /** Of the measured time. */
  seconds: z.number(),
  sentPerSecond: z.number(),
  settledPerSecond: z.number(),
  deliveredPerSecond: z.number(),
  latency: latencySchema,
});
export type StreamResult = z.infer<typeof streamResultSchema>;

const connectResultSchema = z.object({
  kind: z.literal('connect'),
  opened: z.number(),
  seconds: z.number(),
  troubles: z.array(z.string()),
});
export type ConnectResult = z.infer<typeof connectResultSchema>;

const resumeResultSchema = accountSchema.extend({
  kind: z.literal('resume'),
  /** From the request until all that was missed had come. */
  seconds: z.number(),
  /** Of the witness, before anyone came back and meanwhile. */
  before: latencySchema,
  meanwhile: latencySchema,
});
export type ResumeResult = z.infer<typeof resumeResultSchema>;

const listenResultSchema = accountSchema.extend({
  kind: z.literal('listen'),
  sentPerSecond: z.number(),
  /** Of all listeners together. */
  bytesPerSecond: z.number(),
});
export type ListenResult = z.infer<typeof listenResultSchema>;

/** `pause` waits for `go on`: the parent looks at processes between two steps. */
export const reportSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('mark'), name: z.enum(['begin', 'end']) }),
  z.object({ type: z.literal('pause'), name: z.string() }),
  z.object({
    type: z.literal('result'),
    result: z.discriminatedUnion('kind', [
      streamResultSchema,
      connectResultSchema,
      resumeResultSchema,
      listenResultSchema,
    ]),
  }),
  z.object({ type: z.literal('failed'), why: z.string() }),
]);
export type Report = z.infer<typeof reportSchema>;
export type Result = StreamResult | ConnectResult | ResumeResult | ListenResult;
export type ResultOf<P extends Plan> = Extract<Result, { kind: P['kind'] }>;
