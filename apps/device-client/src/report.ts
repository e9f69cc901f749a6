import type { ProducerClient } from '@motience/sdk';
import type { Logger } from 'pino';

const progressEveryMs = 10_000;

/** Says on the log what becomes of the readings. Call what it returns to say the last figures and end. */
export function report(client: ProducerClient, log: Logger): () => void {
  let droppedUntold = 0;
  let told = '';
  const progress = (isLast = false) => {
    const { acknowledged, refused, dropped, queued, connection } = client.state;
    const figures = { acknowledged, queued, ...(refused && { refused }), ...(dropped && { dropped }) };
    const text = JSON.stringify(figures);
    if (text === told && !isLast) return;
    told = text;
    log.info(figures, isLast ? 'in all' : connection.phase === 'open' ? 'streaming' : 'progress');
    if (droppedUntold > 0)
      log.warn({ readings: droppedUntold }, 'the queue was full: the oldest readings were dropped');
    droppedUntold = 0;
  };
  const timer = setInterval(() => progress(), progressEveryMs);
  client.on('dropped', (readings) => {
    if (dropped(droppedUntold)) log.warn({ readings }, 'the queue is full: the oldest readings are being dropped');
    droppedUntold += readings;
  });
  client.on('connection', (state) => {
    if (state.phase === 'open') log.info({ queued: client.state.queued }, 'connected');
    if (state.phase === 'waiting') {
      log.warn({ code: state.ended.code, seconds: Math.round(state.retryInMs / 100) / 10 }, whyWaiting(state.ended));
    }
  });
  client.on('refused', ({ reading, kind, detail }) =>
    log.error(
      { kind, timestamp: reading.timestamp, sequence: reading.sequence },
      `a reading is refused for good: ${detail}`,
    ),
  );
  client.on('repeat', ({ sequence, renumbered }) => {
    if (renumbered) {
      log.warn({ sequence }, 'the queue is newer than this device’s stored readings: numbering goes on above them');
    } else {
      log.info({ sequence }, 'some readings sent again had been stored already; they are not stored twice');
    }
  });
  client.on('error', ({ kind, detail }) => log.warn({ kind }, `the gateway says: ${detail}`));
  return () => {
    clearInterval(timer);
    progress(true);
  };
}

/** Whether dropping has just begun since it was last told. */
function dropped(untold: number): boolean {
  return untold === 0;
}

function whyWaiting({ meaning, refusal }: { meaning: string; refusal?: { message: string } }): string {
  const why = refusal && refusal.message !== meaning ? `${meaning} (${refusal.message})` : meaning;
  return `not connected: ${why}; reconnecting`;
}
