import { randomUUID } from 'node:crypto';
import { type GatewayContext, openGatewayContext } from '@motience/gateway-kit';
import { Counter, Gauge, Histogram, type Logger } from '@motience/service-kit';
import { boundByMemory, IngestLog } from '@motience/stream-log';
import type { Config } from './config.ts';
import { FlushPace } from './flush-pace.ts';
import { ShardForwarder } from './forward-readings.ts';
import { PresenceNotes } from './note-presence.ts';

/** Everything the gateway stands on; the one place that opens connections. */
export interface Context extends GatewayContext {
  forwarders: ShardForwarder[];
}

export async function createContext(config: Config, logger: Logger): Promise<Context> {
  const gateway = await openGatewayContext('producer-gateway', 'device', config, logger);
  const { redis, keys, metrics, accounts } = gateway;
  const log = new IngestLog(redis, keys, randomUUID(), await boundByMemory(redis, config.maxBacklogBytes));
  const presence = new PresenceNotes(redis, keys, config.shards, logger);
  const registers = [metrics];
  const stored = new Counter({
    name: 'motience_readings_stored_total',
    help: 'Readings stored in the ingest log',
    registers,
  });
  const flushSeconds = new Histogram({ name: 'motience_flush_seconds', help: 'Time to store one flush', registers });
  new Gauge({
    name: 'motience_producer_sockets',
    help: 'Open sockets of producers',
    registers,
    collect() {
      this.set([...accounts.sockets()].length);
    },
  });
  const listener = {
    stored: (shard: number, producerId: string, deviceIds: Iterable<string>, readings: number) => {
      presence.add(shard, producerId, deviceIds);
      stored.inc(readings);
    },
    flushed: (milliseconds: number) => flushSeconds.observe(milliseconds / 1_000),
  };
  const pace = new FlushPace();
  return {
    ...gateway,
    forwarders: Array.from(
      { length: config.shards },
      (_, shard) => new ShardForwarder(shard, pace, log, listener, logger),
    ),
    close: async () => {
      presence.stop();
      await gateway.close();
    },
  };
}
