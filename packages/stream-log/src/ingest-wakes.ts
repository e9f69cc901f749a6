import type { Keys } from './keys.ts';
import type { Subscriber } from './subscriber.ts';

/** Calls `onWake` whenever a gateway has stored something in a shard. A hint only: one may be lost with the connection. */
export function listenForIngest(
  subscriber: Subscriber,
  keys: Keys,
  shardCount: number,
  onWake: (shard: number) => void,
): void {
  for (let shard = 0; shard < shardCount; shard += 1) {
    const wake = () => onWake(shard);
    // Rejects only when the subscriber is closed.
    subscriber.subscribe(keys.wake(shard), { onMessage: wake, onBack: wake }).catch(() => {});
  }
}
