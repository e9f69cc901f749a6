import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { ProducerClient } from '@motience/sdk';
import type { Logger } from 'pino';
import type { DeviceConfig } from './config.ts';
import { DiskQueue } from './disk-queue.ts';
import { findPosition } from './find-position.ts';
import { report } from './report.ts';
import { sendReadings } from './send-readings.ts';
import { SignIn } from './sign-in.ts';
import { fileOrigin } from './sources/file-position.ts';
import { checkSource, openSource } from './sources/open-source.ts';
import { SteadyClock } from './steady-clock.ts';

export interface RunOptions {
  config: DeviceConfig;
  password: string;
  stdin: Readable;
  log: Logger;
  /** Aborted when the program is to end. */
  signal: AbortSignal;
}

const maxQueueBytes = 256 * 1024 * 1024;
const queueingMs = 1_000;
const flushMs = 5_000;

/**
 * Streams the source until it has ended and everything is acknowledged, or until the signal; then what cannot be
 * flushed within 5 s stays in the queue for the next start. Throws if it cannot go on.
 */
export async function runDevice({ config, password, stdin, log, signal }: RunOptions): Promise<void> {
  const { authUrl, gatewayUrl, username, deviceId, register } = config;
  const stopped = new AbortController();
  const sourceSignal = AbortSignal.any([signal, stopped.signal]);
  await checkSource(config);
  const queue = await DiskQueue.open({
    directory: config.queueDirectory,
    owner: `${username}/${deviceId}`,
    maxReadings: config.maxQueueReadings,
    maxBytes: maxQueueBytes,
  });
  try {
    tellDamage(queue, log);
    const after = await findPosition(config, queue, log);
    const clock = new SteadyClock((seconds) =>
      log.warn({ seconds }, 'the clock was set back: timestamps go on slowly until it has caught up'),
    );
    const source = openSource(config, { stdin, signal: sourceSignal, clock, after });
    const client = new ProducerClient({
      gatewayUrl,
      tokens: new SignIn({ authUrl, username, password, deviceId, register }),
      queue,
      assignSequence: true,
      whenFull: config.source.kind === 'system' ? 'drop-oldest' : 'wait',
    });
    const reportLast = report(client, log);
    const failed = new Promise<Error>((resolve) => {
      client.on('connection', (state) => {
        if (state.phase === 'stopped' && state.ended) resolve(state.ended.refusal ?? new Error(state.ended.meaning));
      });
    });
    const left = queue.size().readings;
    log.info({ device: deviceId, source: sourceName(config), queued: left }, 'starting');
    client.start();
    const sending = sendReadings(source, client, log, sourceSignal);
    const finished = sending.then(async ({ queued, skipped, unqueued }) => {
      const isComplete = !sourceSignal.aborted;
      log.info({ queued, ...(skipped && { skipped }) }, 'the source has ended');
      if (unqueued > 0) log.warn({ readings: unqueued }, whatUnqueued(config));
      await client.settled();
      // Not before: a run that is cut off while readings wait must not begin again when it is started again.
      if (isComplete && 'path' in config.source) await queue.forgetPosition(fileOrigin(config.source.path));
    });
    const failure = await Promise.race([finished.then(() => undefined, toError), failed, aborted(signal)]);
    stopped.abort();
    // What was read before the end is still queued; a full queue has no room for it, so that takes no patience.
    await Promise.race([sending.catch(() => {}), setTimeout(queueingMs, undefined, { ref: false })]);
    const end = await client.stop({ flushMs });
    await finished.catch(() => {});
    reportLast();
    if (end.left > 0) log.warn({ readings: end.left }, 'left in the queue for the next start');
    if (failure) throw failure;
  } finally {
    await queue.close();
  }
}

function tellDamage({ damage }: DiskQueue, log: Logger): void {
  if (damage.isRepaired) log.error('the queue was damaged on its disk and has been repaired: readings may be lost');
  if (damage.missing > 0) {
    log.error({ readings: damage.missing }, 'the disk has lost readings of the queue; they may have been sent before');
  }
}

function whatUnqueued({ source }: DeviceConfig): string {
  const read = 'read, but not queued before the end';
  return 'path' in source ? `${read}: they are read again at the next start` : `${read}: they are lost`;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function sourceName({ source }: DeviceConfig): string {
  return 'path' in source ? source.path : source.kind;
}
