import { errorFrame, type Rate, takeTokens } from '@motience/gateway-kit';
import { parseReadings, type ReadingLimits, Refusal, readingBody } from '@motience/protocol';
import type { ProducerConnection } from './producer-connection.ts';
import { exceededBound, queueReading } from './producer-session.ts';

export interface ReceiveLimits extends ReadingLimits, Rate {
  unacknowledgedReadings: number;
  unacknowledgedBytes: number;
}

/**
 * Takes one text frame: checks each reading in it, refuses what can never be stored by an error frame, and queues the
 * rest for the next flush, in order. Returns whether anything has to be settled.
 */
export function receiveReadings(connection: ProducerConnection, text: string, limits: ReceiveLimits): boolean {
  const { session, account } = connection;
  if (session.isOver) return false;
  const readings = parseReadings(text, limits);
  if (!admitRate(connection, readings.length, limits)) return false;
  for (const reading of readings) {
    session.received += 1;
    if ('refused' in reading) {
      refuseReading(connection, new Refusal(reading.refused, reading.detail));
    } else if (!account.items.has(reading.deviceId)) {
      refuseReading(connection, new Refusal('not-found', `device_id: ${reading.deviceId} is not a device of yours`));
    } else {
      const { deviceId, sequence } = reading;
      queueReading(session, { deviceId, sequence, body: readingBody(session.producerId, reading) });
    }
  }
  return stayWithinBounds(connection, limits) && readings.length > 0;
}

/** Takes a binary frame: it counts as one reading, refused. */
export function receiveBinary(connection: ProducerConnection, limits: ReceiveLimits): boolean {
  const { session } = connection;
  if (session.isOver || !admitRate(connection, 1, limits)) return false;
  session.received += 1;
  refuseReading(connection, new Refusal('invalid-request', 'expected a text frame with JSON, got a binary one'));
  return stayWithinBounds(connection, limits);
}

function refuseReading(connection: ProducerConnection, refusal: Refusal): void {
  connection.send(errorFrame(refusal, { reading: connection.session.received }));
}

function admitRate(connection: ProducerConnection, count: number, rate: Rate): boolean {
  const waitSeconds = takeTokens(connection.session.bucket, rate, count, performance.now());
  if (waitSeconds === 0) return true;
  const limit = `more than ${rate.perSecond} readings a second (burst ${rate.burst})`;
  connection.refuse(new Refusal('rate-limited', limit, { retryAfterSeconds: waitSeconds }));
  return false;
}

function stayWithinBounds(connection: ProducerConnection, limits: ReceiveLimits): boolean {
  const exceeded = exceededBound(connection.session, limits);
  if (exceeded === undefined) return true;
  connection.refuse(new Refusal('unavailable', `${exceeded}: reconnect and send again`, { retryAfterSeconds: 1 }));
  // What was queued before the bound was reached is still stored.
  return true;
}
