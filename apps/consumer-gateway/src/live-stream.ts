import type { LiveBatch, NumberedBatch, Position } from '@motience/stream-log';
import type { ConsumerConnection } from './consumer-connection.ts';
import type { MeteredFeed } from './metered-feed.ts';
import type { RecentBatches } from './recent-batches.ts';
import type { StreamViews } from './stream-views.ts';

/** A stream that this gateway follows because some of its consumers receive it. */
export interface LiveStream {
  readonly producerId: string;
  /** Sockets that are subscribed to one of its topics. */
  readonly connections: Set<ConsumerConnection>;
  /** How many of them receive all of it in packs. */
  packed: number;
  /** What goes out to all who receive the whole of it; undefined while none of them is metered. */
  metered: MeteredFeed | undefined;
  /** What those of them get that narrow it. */
  readonly views: StreamViews;
  /** Where it stands: the last reading handed out. Undefined until its head was read. */
  position: Position | undefined;
  /** While its head, or what is missing, is read: what comes meanwhile. */
  filling: RecentBatches<LiveBatch> | undefined;
  /** Resolves when what is missing was read. */
  filled: Promise<void>;
  /** What was handed out last, while somebody is about to join it. */
  recent: RecentBatches<NumberedBatch> | undefined;
  /** How many are about to join. */
  joining: number;
  /** Called once, when it has advanced. */
  readonly waiting: Set<() => void>;
  /** Resolves when the position is known, rejects when it cannot be. */
  opened: Promise<void>;
  /** How many wait for it to open or receive it. */
  holders: number;
  /** Head as the last check saw it. */
  headSeen: Position | undefined;
  /** Whether a reading was handed out since the last check. */
  isBusy: boolean;
  /** The head, being asked for on behalf of all who want to begin there; undefined once it was sent for. */
  headAsked: Promise<Position> | undefined;
}

/** Resolves with true when a stream was given something, and with false after a time. */
export function hasAdvanced(stream: LiveStream, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const advanced = () => {
      clearTimeout(timer);
      resolve(true);
    };
    const timer = setTimeout(() => {
      stream.waiting.delete(advanced);
      resolve(false);
    }, waitMs);
    stream.waiting.add(advanced);
  });
}
