/** One reading at its place in a stream. */
export interface ReadingPlace {
  epoch: string;
  seq: number;
  deviceId: string;
  /** What its device numbered it. */
  sequence: number;
  /** CRC-32 of its text up to where `seq` goes; undefined where only the parsed reading is known. */
  checksum: number | undefined;
}

/** What one device has sent. */
export interface SentByDevice {
  deviceId: string;
  /** Readings 1…`acknowledged` were acknowledged. */
  acknowledged: number;
  /** Readings 1…`sent` were sent; of those after `acknowledged` the outcome is unknown. */
  sent: number;
}

/** What a consumer got of one stream, in order. */
export type ConsumerRecord =
  | ({ kind: 'reading' } & ReadingPlace)
  | { kind: 'subscribed'; epoch: string; seq: number; recovered: boolean }
  | { kind: 'gap'; epoch: string; from: number; to: number }
  | { kind: 'position'; epoch: string; seq: number };
