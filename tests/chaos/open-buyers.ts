import { type Account, signUp } from '../accounts.ts';
import { createAdmin } from '../support/create-admin.ts';
import { listStream } from '../support/market.ts';
import { Buyer } from './clients/buyer.ts';
import { ChaosConsumer } from './clients/chaos-consumer.ts';
import type { PlatformUnderChaos } from './platform/platform-under-chaos.ts';
import type { Random } from './random.ts';

const currency = 'EUR';

/** What the streams cost, in the order of their producers. */
const offers = [
  { name: 'By the reading', terms: { kind: 'per-reading', price: '0.001', currency, trial: { readings: 200 } } },
  { name: 'By the thousand', terms: { kind: 'per-1000-readings', price: '0.75', currency } },
  { name: 'By the megabyte', terms: { kind: 'per-megabyte', price: '4.00', currency } },
];

/** About what a reading costs, in millionths. */
const pricePerReading = 1_000;

/** Paid in at least for so many readings of each stream, whatever the number of stops. */
const leastPerPortion = 500;

interface Kind {
  name: string;
  /** Indexes of the offers it takes. */
  takes: number[];
  sockets: number;
  /** How often its money is gone during the run, about. */
  stops: number;
  leaves?: boolean;
  deviceId?: string;
}

const kinds: Kind[] = [
  { name: 'runs-dry', takes: [0, 2], sockets: 1, stops: 6 },
  { name: 'two-sockets', takes: [0, 1, 2], sockets: 2, stops: 2 },
  { name: 'leaves', takes: [0, 1], sockets: 1, stops: 0, leaves: true },
  { name: 'pays-narrowed', takes: [1], sockets: 1, stops: 0, deviceId: 'b' },
];

export interface OpenBuyers {
  producers: readonly Account[];
  /** How many readings each of them sends. */
  readings: number;
  random: Random;
  onEpoch: (producerId: string, epoch: string) => void;
}

/** Puts prices on the streams and makes the consumers that pay; each has money and its subscriptions, and no socket yet. */
export async function openBuyers(
  platform: PlatformUnderChaos,
  { producers, readings, random, onEpoch }: OpenBuyers,
): Promise<Buyer[]> {
  const admin = await createAdmin(platform);
  const offered: { producer: Account; planId: string }[] = [];
  for (const [at, producer] of producers.entries()) {
    const offer = offers[at % offers.length];
    const [planId = ''] = offer ? await listStream(platform, producer, {}, [offer]) : [];
    offered.push({ producer, planId });
  }
  const buyers: Buyer[] = [];
  for (const { name, takes, sockets, stops, leaves = false, deviceId } of kinds) {
    const account = await signUp(platform, 'consumer');
    const taken = offered.filter((_, at) => takes.includes(at));
    const open = (number: number) =>
      new ChaosConsumer({
        name: sockets === 1 ? name : `${name}-${number}`,
        urls: platform.socketUrls('consumer'),
        token: account.token,
        producerIds: taken.map(({ producer }) => producer.id),
        ...(deviceId === undefined ? {} : { deviceId }),
        pays: true,
        leaves,
        random: random.fork(),
        onEpoch,
      });
    const buyer = new Buyer({
      name,
      account,
      sockets: [open(1), ...Array.from({ length: sockets - 1 }, (_, at) => open(at + 2))],
      plans: new Map(taken.map(({ producer, planId }) => [producer.id, planId])),
      portion: taken.length * pricePerReading * Math.max(leastPerPortion, Math.ceil(shareAtOnce(stops) * readings)),
      leaves,
      urls: { subscriptionManager: platform.httpUrl('subscription-manager'), billing: platform.httpUrl('billing-api') },
      admin,
      random: random.fork(),
    });
    await buyer.payIn();
    for (const { producer } of taken) await buyer.subscribe(producer.id);
    if (buyer.complaints.length > 0) throw new Error(buyer.complaints.join('\n'));
    buyers.push(buyer);
  }
  return buyers;
}

/** How much of what all will cost is paid in at once; twice as much by those who are never to run out of money. */
function shareAtOnce(stops: number): number {
  return stops === 0 ? 2 : 1 / (stops + 1);
}
