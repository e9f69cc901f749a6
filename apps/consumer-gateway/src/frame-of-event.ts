import type { ConsumerDownFrame } from '@motience/protocol';
import type { StreamEvent } from './stream-events.ts';

/** The control frame that tells of an event which is no readings. */
export function frameOfEvent(
  producerId: string,
  event: Exclude<StreamEvent, { type: 'batch' }>,
): Extract<ConsumerDownFrame, { type: 'subscribed' | 'gap' }> {
  if (event.type === 'gap') return { type: 'gap', producer_id: producerId, ...event.range, reason: event.reason };
  return { type: 'subscribed', producer_id: producerId, ...event.at, recovered: event.recovered };
}
