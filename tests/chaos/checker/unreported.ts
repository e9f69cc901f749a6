/** Something that was broken for a while, in ms of the monotonic clock. */
export interface Trouble {
  kind: string;
  target: string;
  fromMs: number;
  untilMs: number;
}

/** A connection of a consumer to a gateway. */
export interface Connection {
  gateway: string;
  fromMs: number;
  /** When the consumer noticed that it was over. */
  untilMs: number;
}

export interface Window {
  fromMs: number;
  untilMs: number;
}

/** Gateways report each second; a little more, because the machine is busy. */
const reportWithinMs = 2_000;
/** After trouble with Redis, a report gets through within so long: it has to start, and attempts are up to 2 s apart. */
const recoveryMs = 10_000;

/**
 * When what a consumer received may not have been reported by its gateway, and so is not charged: where the gateway was
 * killed, from when it may have been kept from reporting until then, also if the connection was over before.
 */
export function unreportedWindows(connections: readonly Connection[], troubles: readonly Trouble[]): Window[] {
  return connections.flatMap(({ gateway, fromMs, untilMs }) => {
    const inTheWay = troubles.filter(({ target }) => keepsFromReporting(target, gateway));
    const kills = troubles.filter(({ kind, target }) => kind === 'kill' && target === gateway);
    const windows = kills.map((kill) => ({ fromMs: unreportedSince(kill.fromMs, inTheWay), killedAtMs: kill.fromMs }));
    return windows
      .filter((window) => fromMs <= window.killedAtMs && window.fromMs <= untilMs)
      .map((window) => ({ fromMs: window.fromMs, untilMs }));
  });
}

function keepsFromReporting(target: string, gateway: string): boolean {
  return target === gateway || target.startsWith('redis') || target.startsWith(`${gateway} to redis`);
}

/** Troubles that follow each other closely are one. */
function unreportedSince(killedAtMs: number, inTheWay: readonly Trouble[]): number {
  let since = killedAtMs - reportWithinMs;
  for (;;) {
    const before = inTheWay.filter(({ fromMs, untilMs }) => fromMs < killedAtMs && untilMs + recoveryMs >= since);
    const earliest = Math.min(since, ...before.map(({ fromMs }) => fromMs - reportWithinMs));
    if (earliest === since) return since;
    since = earliest;
  }
}
