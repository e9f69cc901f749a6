import type { Random } from '../random.ts';
import type { StreamJournal } from './stream-journal.ts';

export interface ConsumerOptions {
  name: string;
  urls: [string, ...string[]];
  token: string;
  producerIds: readonly string[];
  /** Receive this device only; then there is one producer. */
  deviceId?: string;
  /** It pays: its streams may stop because there is no money, or no subscription, and it goes on with them after that. */
  pays?: boolean;
  /** Its subscriptions end now and then, and so it is owed less. */
  leaves?: boolean;
  random: Random;
  /** Told each epoch of a stream when it is first heard of. */
  onEpoch: (producerId: string, epoch: string) => void;
}

/** Somebody who receives streams whatever happens, and writes down what came of each. */
export interface Consumer {
  readonly options: ConsumerOptions;
  /** What came, by producer. */
  readonly journals: ReadonlyMap<string, StreamJournal>;
  /** What was not as the contract has it. */
  readonly complaints: readonly string[];
  /** How its sockets ended, by close code or in a word, and what else is worth counting. */
  readonly ends: ReadonlyMap<string, number>;
  /** Whether every stream has begun. */
  readonly subscribed: boolean;
  /** Receives until `stop`. */
  run(): Promise<void>;
  /** Takes nothing for a while. */
  rest(forMs: number): void;
  /** Resolves once nothing is written down any more. */
  stop(): Promise<void>;
}
