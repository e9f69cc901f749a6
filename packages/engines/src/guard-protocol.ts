import { z } from 'zod';

const engineNameSchema = z.enum(['postgres', 'redis']);
export type EngineName = z.infer<typeof engineNameSchema>;

const port = z.int().min(1).max(65_535);

const redisSpecSchema = z.object({
  engine: z.literal('redis'),
  command: z.string(),
  /** A free one is taken when left out. */
  port: port.optional(),
  appendfsync: z.enum(['always', 'everysec', 'no']),
  maxMemoryBytes: z.int().positive(),
  /** A node of a Redis Cluster, whose nodes talk to each other on this port. */
  clusterPort: port.optional(),
});
export type RedisSpec = z.infer<typeof redisSpecSchema>;

const postgresSpecSchema = z.object({
  engine: z.literal('postgres'),
  port: port.optional(),
  database: z.string(),
  durable: z.boolean(),
});
export type PostgresSpec = z.infer<typeof postgresSpecSchema>;

const engineSpecSchema = z.discriminatedUnion('engine', [redisSpecSchema, postgresSpecSchema]);
export type EngineSpec = z.infer<typeof engineSpecSchema>;

/** What the guard is asked to do; each request is answered by one reply with its id. */
export const guardRequestSchema = z.object({
  id: z.int(),
  call: z.discriminatedUnion('do', [
    /** Takes the data folder for us. */
    z.object({ do: z.literal('open'), dataDir: z.string(), owner: z.string(), revive: z.boolean() }),
    /** Starts an engine, or starts it again where it was. The result is its URL. */
    z.object({ do: z.literal('start'), spec: engineSpecSchema }),
    z.object({ do: z.literal('stop'), engine: engineNameSchema }),
    /** Kills an engine without a chance to write anything, and leaves it dead. */
    z.object({ do: z.literal('kill'), engine: engineNameSchema }),
  ]),
});
export type GuardCall = z.infer<typeof guardRequestSchema>['call'];

export const guardMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('done'), id: z.int(), result: z.string().optional() }),
  z.object({ type: z.literal('failed'), id: z.int(), reason: z.string() }),
  /** Something the one in front of the screen should know, such as an engine that died and was started again. */
  z.object({ type: z.literal('note'), text: z.string() }),
]);
export type GuardMessage = z.infer<typeof guardMessageSchema>;
