import { Counter, Gauge, runApp, serveHttp, settleWithin } from '@motience/service-kit';
import { type Applied, listenForIngest } from '@motience/stream-log';
import { Applier } from './apply-readings.ts';
import { readDataStreamManagerConfig } from './config.ts';
import { createContext } from './context.ts';
import { createApp } from './create-app.ts';
import { Bounds } from './keep-bounds.ts';
import { Persister } from './persist-readings.ts';
import { notePlatformLife } from './platform-life.ts';

/** How long a stop waits for calls that are under way. */
const drainMs = 3_000;

await runApp('data-stream-manager', async (logger) => {
  const config = readDataStreamManagerConfig(process.env);
  const context = await createContext(config, logger);
  const { writer, share, database, metrics } = context;
  const { host, port, shards } = config;
  try {
    const server = await serveHttp(createApp(context), { host, port, portVariable: 'DSM_PORT' });
    const registers = [metrics];
    const applied = new Counter({
      name: 'motience_readings_applied_total',
      help: 'Readings numbered that waited in the ingest log',
      registers,
    });
    const persisted = new Counter({ name: 'motience_readings_persisted_total', help: 'Readings persisted', registers });

    new Gauge({
      name: 'motience_shards',
      help: 'Shards that this manager takes care of',
      registers,
      collect() {
        this.set(share.shards.length);
      },
    });

    const persister = config.persistReadings
      ? new Persister(writer, database.sql, share, (readings) => persisted.inc(readings), logger)
      : undefined;
    const onApplied = (shard: number, { readings, unpersistedBytes }: Applied) => {
      applied.inc(readings);
      persister?.hurry(shard, unpersistedBytes);
    };
    const applier = new Applier(writer, share, onApplied, logger);
    listenForIngest(context.subscriber, context.keys, shards, (shard) => applier.wake(shard));
    const bounds = new Bounds(writer, share, database.sql, config, logger);
    const stopNotingLife = notePlatformLife(context, logger);
    return {
      port: server.port,
      url: server.url,
      stop: async () => {
        await server.stop();
        // Without Redis or PostgreSQL nothing comes to its end; whatever is under way is safe to break off.
        await settleWithin(
          Promise.all([share.stop(), applier.stop(), persister?.stop(), bounds.stop(), stopNotingLife()]),
          drainMs,
        );
        await context.close();
      },
    };
  } catch (error) {
    await settleWithin(share.stop(), drainMs);
    await context.close();
    throw error;
  }
});
