import type { Endpoint } from '../load/plan.ts';

/** Who sends and who receives, by number; all of it is there before anything is measured. */
export interface Market {
  producers: number;
  /** Of each consumer: the producers whose streams it receives. */
  subscriptions: readonly (readonly number[])[];
  /** Whether each stream is paid for, per 1,000 readings, from a wallet that lasts. */
  isPaid?: boolean;
}

/** How each account's socket is opened. */
export interface Sockets {
  readonly producers: Endpoint[];
  readonly consumers: Endpoint[];
}

/** What only our own platform has, for the scenarios that measure it alone. */
export interface PlatformUnderTest {
  /** Ids of the producers' accounts. */
  readonly producerIds: readonly string[];
  /** Pid of a gateway. */
  pidOf(service: 'consumer-gateway' | 'producer-gateway' | 'data-stream-manager'): number;
  /** Readings that its stream managers have brought to PostgreSQL since they were started. */
  persisted(): Promise<number>;
  /** Rows of readings in PostgreSQL. */
  countRows(): Promise<number>;
}

export interface RunningTarget {
  readonly name: string;
  readonly sockets: Sockets;
  readonly platform?: PlatformUnderTest;
  /** The process that holds the consumers' sockets. */
  readonly consumerServerPid: number;
  /** Resolves once nothing of what was sent is under way any more. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

export interface StartOptions {
  market: Market;
  say: (text: string) => void;
}

/** Something that brings readings from producers to consumers. */
export interface Target {
  readonly name: string;
  readonly title: string;
  /** What it is and how it is set up, in a line. */
  readonly about: string;
  /** Not measured where everyone is, but only where a scenario names it. */
  readonly onlyWhereNamed?: boolean;
  /** Why it cannot run on this machine; undefined if it can. */
  missing(): string | undefined;
  start(options: StartOptions): Promise<RunningTarget>;
}
