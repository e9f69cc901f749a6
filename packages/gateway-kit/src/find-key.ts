import { Refusal } from '@motience/protocol';
import { orLate } from '@motience/service-kit';
import type { RightsStore } from '@motience/stream-log';
import { type FoundKey, keyGrantSchema } from '@motience/tokens';
import { redisDoesNotAnswer } from './watch-rights.ts';

const patienceMs = 5_000;
/** Most lookups that may wait for Redis, those included that nobody waits for any more. */
const maxUnanswered = 10_000;

/** Looks API keys up among the rights in Redis. Throws `unavailable` while Redis is away or does not hold all of them. */
export function createKeyFinder(
  rights: Pick<RightsStore, 'isConnected' | 'readApiKey' | 'noteApiKeyUse'>,
): (id: string) => Promise<FoundKey | undefined> {
  let unanswered = 0;
  return async (id) => {
    if (!rights.isConnected || unanswered >= maxUnanswered) throw redisDoesNotAnswer();
    unanswered += 1;
    const reading = rights.readApiKey(id).finally(() => {
      unanswered -= 1;
    });
    const read = await orLate(reading, patienceMs, () => {
      throw redisDoesNotAnswer();
    });
    if (!read) throw new Refusal('unavailable', 'rights are being loaded; try again in a moment');
    if (read.text === undefined) return undefined;
    const grant = keyGrantSchema.parse(JSON.parse(read.text));
    return { grant, onUse: () => void rights.noteApiKeyUse(id, Date.now()).catch(() => {}) };
  };
}
