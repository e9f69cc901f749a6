import { StreamTally } from './device-tally.ts';
import { addFaults, type FaultCounts, noFaults } from './fault-counts.ts';
import type { ConsumerRecord, ReadingPlace, SentByDevice } from './reading-place.ts';
import type { StoredStream } from './stored-stream.ts';

/** What a consumer got of one stream. */
export interface Received {
  faults: FaultCounts;
  readings: number;
  /** Stored readings that it was told will not come. */
  declaredLost: number;
  /** How often it was told that its position could not be served. */
  notRecovered: number;
}

/**
 * Checks what a consumer got of one stream from its beginning: every acknowledged reading once and in order, or named
 * in a gap; every number after its position delivered or named; byte for byte what PostgreSQL holds. One that narrowed
 * itself to a device (`sent` names it alone) is owed only that device's readings, so numbers may be left out.
 */
export function checkReceived(
  sent: readonly SentByDevice[],
  stored: StoredStream,
  records: Iterable<ConsumerRecord>,
  { narrowed = false }: { narrowed?: boolean } = {},
): Received {
  const tally = new StreamTally(sent);
  const excused = new Set<string>();
  const faults = { ...noFaults };
  let [readings, declaredLost, notRecovered] = [0, 0, 0];
  let position: { epoch: string; seq: number } | undefined;

  /** Everything up to here is said to have been dealt with. */
  const moveTo = (epoch: string, seq: number) => {
    if (position?.epoch === epoch && !narrowed) faults.undeclaredGaps += Math.max(0, seq - position.seq);
    position = { epoch, seq };
  };

  for (const record of records) {
    switch (record.kind) {
      case 'reading':
        readings += 1;
        tally.add(record.deviceId, record.sequence);
        if (position?.epoch !== record.epoch || record.seq <= position.seq) faults.misplaced += 1;
        else moveTo(record.epoch, record.seq - 1);
        position = { epoch: record.epoch, seq: record.seq };
        compare(record, stored.at(record.epoch, record.seq), faults);
        break;
      case 'subscribed':
        if (!record.recovered && position) notRecovered += 1;
        if (record.recovered) moveTo(record.epoch, record.seq);
        else position = { epoch: record.epoch, seq: record.seq };
        break;
      case 'position':
        if (position?.epoch !== record.epoch) faults.misplaced += 1;
        moveTo(record.epoch, record.seq);
        break;
      case 'gap':
        for (const { deviceId, sequence } of stored.between(record.epoch, record.from, record.to)) {
          declaredLost += 1;
          excused.add(`${deviceId} ${sequence}`);
        }
        if (position?.epoch === record.epoch) {
          moveTo(record.epoch, Math.max(position.seq, record.from - 1));
          position = { epoch: record.epoch, seq: Math.max(position.seq, record.to) };
        }
        break;
    }
  }
  const perDevice = tally.results((deviceId, sequence) => excused.has(`${deviceId} ${sequence}`));
  const counts = perDevice.map((result) => ({ ...noFaults, ...result }));
  return { faults: addFaults([faults, ...counts]), readings, declaredLost, notRecovered };
}

function compare(received: ReadingPlace, stored: ReadingPlace | undefined, faults: FaultCounts): void {
  if (!stored) faults.unstored += 1;
  else if (stored.deviceId !== received.deviceId || stored.sequence !== received.sequence) faults.different += 1;
  else if (received.checksum !== undefined && received.checksum !== stored.checksum) faults.different += 1;
}
