import { setTimeout as delay } from 'node:timers/promises';

/** Asks `condition` again and again until it gives something other than undefined or false, or `ms` have passed. */
export async function waitFor<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  ms: number,
  stepMs = 25,
): Promise<T | undefined> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (performance.now() >= deadline) return undefined;
    await delay(stepMs);
  }
}
