import { StreamTally } from './device-tally.ts';
import { addFaults, type FaultCounts, noFaults } from './fault-counts.ts';
import type { SentByDevice } from './reading-place.ts';
import type { StoredStream } from './stored-stream.ts';

/**
 * Checks what PostgreSQL holds of one stream: over all its epochs, in the order in which they appeared, every
 * acknowledged reading exactly once, per device in the order sent; within an epoch every number from 1 on.
 */
export function checkStored(
  sent: readonly SentByDevice[],
  stored: StoredStream,
  epochOrder: readonly string[],
): FaultCounts {
  const tally = new StreamTally(sent);
  let undeclaredGaps = 0;
  let last = { epoch: '', seq: 0 };
  for (const { epoch, seq, deviceId, sequence } of stored.inOrder(epochOrder)) {
    undeclaredGaps += seq - (epoch === last.epoch ? last.seq : 0) - 1;
    last = { epoch, seq };
    tally.add(deviceId, sequence);
  }
  const counts = tally.results().map((result) => ({ ...noFaults, ...result }));
  return addFaults([...counts, { ...noFaults, undeclaredGaps }]);
}
