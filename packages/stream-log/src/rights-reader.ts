import { Cluster } from 'ioredis';
import type { RedisConnection } from './connection.ts';
import { asList, asText, callFunction, type Reply } from './functions.ts';
import type { Keys } from './keys.ts';
import type { AccountRights, Entitlement, ItemKind } from './rights-store.ts';

/** Who is asked about: an account and its session. */
interface Question {
  kind: ItemKind;
  accountId: string;
  sessionId: string;
}

interface WaitingQuestion extends Question {
  resolve(rights: AccountRights | undefined): void;
  reject(error: unknown): void;
}

/** What is read of Redis with one call, which keeps it from everything else. */
const questionsPerCall = 100;
const itemsPerCall = 10_000;

/** Reads what accounts may do, together for all who ask in the same turn of the loop. */
export class RightsReader {
  private readonly unread: WaitingQuestion[] = [];

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {}

  /** What an account may do with this session; undefined while the projection is not complete. */
  read(kind: ItemKind, accountId: string, sessionId: string): Promise<AccountRights | undefined> {
    return new Promise((resolve, reject) => {
      const isFirst = this.unread.push({ kind, accountId, sessionId, resolve, reject }) === 1;
      if (isFirst) setImmediate(() => this.readWaiting());
    });
  }

  /** Names the life of Redis for which the projection is complete, if it is. */
  async completeInLife(): Promise<string | undefined> {
    const life = await callFunction(this.redis, 'completeRights', [this.keys.rightsProjected], []);
    return life === null ? undefined : asText(life);
  }

  private readWaiting(): void {
    const waiting = this.unread.splice(0);
    // What is asked about lies on many masters there.
    if (this.redis instanceof Cluster) this.readApart(waiting);
    else this.readTogether(waiting);
  }

  private readTogether(waiting: readonly WaitingQuestion[]): void {
    for (let at = 0; at < waiting.length; at += questionsPerCall) {
      void this.answer(waiting.slice(at, at + questionsPerCall));
    }
  }

  /** With one call, and with one more for those whom it had no room for. */
  private async answer(waiting: readonly WaitingQuestion[]): Promise<void> {
    let unread = waiting;
    try {
      while (unread.length > 0) {
        const answers = await this.ask(unread);
        for (const [at, rights] of answers.entries()) unread[at]?.resolve(rights);
        unread = unread.slice(answers.length);
      }
    } catch (error) {
      for (const { reject } of unread) reject(error);
    }
  }

  /** The first answers, of at least one. */
  private async ask(questions: readonly Question[]): Promise<(AccountRights | undefined)[]> {
    const { rightsProjected, session } = this.keys;
    const keys = questions.flatMap((question) => [session(question.sessionId), this.itemsKey(question)]);
    const reply = await callFunction(this.redis, 'readRights', [rightsProjected, ...keys], [itemsPerCall]);
    if (reply === null) return questions.map(() => undefined);
    const parts = asList(reply);
    return questions.slice(0, parts.length / 2).map(({ accountId }, at) => ({
      sessionIsLive: asText(parts[2 * at]) === accountId,
      items: readItems(pairsIn(asList(parts[2 * at + 1]))),
    }));
  }

  private readApart(waiting: readonly WaitingQuestion[]): void {
    // Redis may be restored in between.
    const before = this.completeInLife();
    const reads = waiting.map((question) =>
      Promise.all([this.redis.get(this.keys.session(question.sessionId)), this.redis.hgetall(this.itemsKey(question))]),
    );
    const lives = Promise.all([before, this.completeInLife()]);
    for (const [index, { accountId, resolve, reject }] of waiting.entries()) {
      Promise.all([reads[index], lives]).then(([read, [first, last]]) => {
        if (!read || first === undefined || first !== last) return resolve(undefined);
        const [owner, items] = read;
        resolve({ sessionIsLive: owner === accountId, items: readItems(Object.entries(items)) });
      }, reject);
    }
  }

  private itemsKey({ kind, accountId }: Question): string {
    return itemsKey(this.keys, kind, accountId);
  }
}

/** Where an account's devices, or its subscriptions, are kept. */
export function itemsKey(keys: Keys, kind: ItemKind, accountId: string): string {
  return kind === 'device' ? keys.devices(accountId) : keys.subscriptions(accountId);
}

/** `<since>`, or `<since>:<subscription>` where what is delivered is counted. */
export function entitlementText({ since, subscriptionId }: Entitlement): string {
  return subscriptionId === undefined ? String(since) : `${since}:${subscriptionId}`;
}

/** What does not say since when is no right. */
export function readEntitlement(text: string | null | undefined): Entitlement | undefined {
  const [, since, subscriptionId] = /^(\d{1,15})(?::(\d{1,19}))?$/.exec(text ?? '') ?? [];
  return since === undefined ? undefined : { since: Number(since), subscriptionId };
}

function* pairsIn(list: readonly Reply[]): Generator<[string, string]> {
  for (let at = 0; at < list.length; at += 2) yield [asText(list[at]), asText(list[at + 1])];
}

function readItems(pairs: Iterable<[string, string]>): Map<string, Entitlement> {
  const items = new Map<string, Entitlement>();
  for (const [item, text] of pairs) {
    const entitlement = readEntitlement(text);
    if (entitlement) items.set(item, entitlement);
  }
  return items;
}
