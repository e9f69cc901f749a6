import postgres from 'postgres';
import { addCounted, type Counted, checkCounted } from './checker/check-counted.ts';
import { type Trouble, unreportedWindows } from './checker/unreported.ts';
import type { Buyer } from './clients/buyer.ts';
import { countEntitled, readBooks } from './read-books.ts';

/** What became of a consumer that pays; money in millionths. */
export interface BuyerVerdict extends Counted {
  name: string;
  subscriptions: number;
  /** How often its sockets were told that there is no money for a stream. */
  stops: number;
  paidIn: number;
  charged: number;
  left: number;
  /** Readings that were counted and free. */
  freeReadings: number;
  /** Paid in by its own record less what the books have as paid in. */
  paymentsLost: number;
  /** Readings it was told will not come, though it was subscribed when they were sent. */
  withheld: number;
}

export interface JudgeBooksOptions {
  databaseUrl: string;
  troubles: readonly Trouble[];
  gatewayAt: (url: string) => string;
}

/** Compares what each buyer received, by its own record, with what the platform's books have of it. */
export async function judgeBooks(
  buyers: readonly Buyer[],
  { databaseUrl, troubles, gatewayAt }: JudgeBooksOptions,
): Promise<BuyerVerdict[]> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const verdicts: BuyerVerdict[] = [];
    for (const buyer of buyers) {
      const { name, account, plans } = buyer.options;
      const { spans, ...books } = await readBooks(sql, account.id);
      const counts = [...plans.keys()].map((id) =>
        checkCounted(arrivalsOf(buyer, id, troubles, gatewayAt), spans.get(id) ?? []),
      );
      let withheld = 0;
      for (const id of plans.keys()) withheld += await countEntitled(sql, account.id, id, gapsOf(buyer, id));
      const paymentsLost = buyer.paidIn - books.paidIn;
      verdicts.push({ name, ...addCounted(counts), ...books, stops: buyer.stops, paymentsLost, withheld });
    }
    return verdicts;
  } finally {
    await sql.end();
  }
}

function* arrivalsOf(
  { options: { sockets } }: Buyer,
  producerId: string,
  troubles: readonly Trouble[],
  gatewayAt: (url: string) => string,
) {
  for (const { connections, journals } of sockets) {
    const named = connections.map(({ url, ...times }) => ({ gateway: gatewayAt(url), ...times }));
    const windows = unreportedWindows(named, troubles);
    for (const { epoch, seq, atMs } of journals.get(producerId)?.arrivals() ?? []) {
      yield { epoch, seq, mayBeUnreported: windows.some(({ fromMs, untilMs }) => fromMs <= atMs && atMs <= untilMs) };
    }
  }
}

function gapsOf({ options: { sockets } }: Buyer, producerId: string) {
  return sockets.flatMap(({ journals }) =>
    [...(journals.get(producerId) ?? [])].flatMap((record) => (record.kind === 'gap' ? [record] : [])),
  );
}

/** Everything that is wrong with it, in words. */
export function bookFindings(verdict: BuyerVerdict): string[] {
  const { name, charged, left, paidIn } = verdict;
  const faults = {
    'readings were counted twice': verdict.countedTwice,
    'readings were counted that never came': verdict.neverReceived,
    [`readings came and were not counted (${verdict.examples.join(', ')} …)`]: verdict.uncounted,
    'readings were withheld though it was subscribed': verdict.withheld,
    'millionths were paid in and are not in the books': verdict.paymentsLost,
    'millionths went elsewhere': paidIn - charged - left,
  };
  return Object.entries(faults).flatMap(([what, count]) => (count === 0 ? [] : [`${name}: ${count} ${what}`]));
}
