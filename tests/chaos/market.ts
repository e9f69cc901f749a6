import { type Account, signUp, subscribe } from '../accounts.ts';
import type { SentByDevice } from './checker/reading-place.ts';
import type { Buyer } from './clients/buyer.ts';
import { ChaosConsumer } from './clients/chaos-consumer.ts';
import { ChaosProducer } from './clients/chaos-producer.ts';
import type { Consumer } from './clients/consumer.ts';
import { SdkConsumer } from './clients/sdk-consumer.ts';
import { openBuyers } from './open-buyers.ts';
import type { PlatformUnderChaos } from './platform/platform-under-chaos.ts';
import { Random } from './random.ts';

export interface MarketOptions {
  seed: number;
  readings: number;
  perSecond: number;
}

/** A producer's account and the sockets that send its readings: each has devices of its own. */
export interface StreamSource {
  id: string;
  senders: ChaosProducer[];
}

const producerCount = 3;
/** Of one producer. */
const senders: [string, ...string[]][] = [['a', 'b'], ['c']];

/** Those who use the platform during a run: producers that send and consumers that receive all of it. */
export class Market {
  /** The epochs of each producer's stream, in the order in which anybody heard of them. */
  readonly epochs = new Map<string, string[]>();

  private constructor(
    readonly sources: readonly StreamSource[],
    /** All sockets, those of buyers too. */
    readonly consumers: readonly Consumer[],
    readonly buyers: readonly Buyer[],
  ) {}

  /** Makes the accounts; nothing is sent yet. */
  static async open(platform: PlatformUnderChaos, { seed, readings, perSecond }: MarketOptions): Promise<Market> {
    const producers: Account[] = [];
    for (let number = 0; number < producerCount; number += 1) {
      producers.push(await signUp(platform, 'producer', senders.flat()));
    }
    const random = new Random(seed);
    const socketCount = producers.length * senders.length;
    const sources = producers.map(({ id, token }) => ({
      id,
      senders: senders.map(
        (deviceIds) =>
          new ChaosProducer({
            urls: platform.socketUrls('producer'),
            token,
            deviceIds,
            count: Math.ceil(readings / socketCount),
            perSecond: perSecond / socketCount,
            random: random.fork(),
          }),
      ),
    }));

    const consumers: Consumer[] = [];
    const buyers: Buyer[] = [];
    const market = new Market(sources, consumers, buyers);
    const onEpoch = (producerId: string, epoch: string) => market.hearOf(producerId, epoch);
    const [narrowedTo] = producers;
    for (const name of ['plain-1', 'plain-2', 'narrowed', 'sdk']) {
      const account = await signUp(platform, 'consumer');
      const wanted = name === 'narrowed' && narrowedTo ? [narrowedTo] : producers;
      for (const producer of wanted) await subscribe(platform, account, producer);
      const Kind = name === 'sdk' ? SdkConsumer : ChaosConsumer;
      consumers.push(
        new Kind({
          name,
          urls: platform.socketUrls('consumer'),
          token: account.token,
          producerIds: wanted.map(({ id }) => id),
          ...(name === 'narrowed' ? { deviceId: 'b' } : {}),
          random: random.fork(),
          onEpoch,
        }),
      );
    }
    // Those above have no plan: their subscriptions are older than any.
    const perProducer = Math.ceil(readings / producers.length);
    buyers.push(...(await openBuyers(platform, { producers, readings: perProducer, random, onEpoch })));
    consumers.push(...buyers.flatMap(({ options }) => options.sockets));
    return market;
  }

  get senders(): ChaosProducer[] {
    return this.sources.flatMap(({ senders }) => senders);
  }

  get acknowledged(): number {
    return this.senders.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  /** Readings that all consumers together got. */
  get received(): number {
    const journals = this.consumers.flatMap(({ journals }) => [...journals.values()]);
    return journals.reduce((sum, { readings }) => sum + readings, 0);
  }

  get complaints(): string[] {
    return [...this.senders, ...this.consumers, ...this.buyers].flatMap(({ complaints }) => complaints);
  }

  /** What the devices of a stream have sent that a consumer is owed. */
  sentTo(consumer: Consumer | undefined, source: StreamSource): SentByDevice[] {
    const sent = source.senders.flatMap((sender) => sender.sentByDevice());
    const deviceId = consumer?.options.deviceId;
    return deviceId === undefined ? sent : sent.filter((device) => device.deviceId === deviceId);
  }

  /** Whether every consumer got as many readings as it is owed, or was told that they will not come. */
  allReceived(): boolean {
    return this.consumers.every((consumer) =>
      this.sources.every((source) => {
        const journal = consumer.journals.get(source.id);
        const owed = this.sentTo(consumer, source).reduce((sum, { acknowledged }) => sum + acknowledged, 0);
        return !journal || journal.dealtWith >= owed;
      }),
    );
  }

  /** All consumers begin to receive, and buyers to pay. */
  start(): void {
    for (const consumer of this.consumers) void consumer.run();
    for (const buyer of this.buyers) buyer.run();
  }

  /** Buyers come and go no more; resolves once they have all their subscriptions. */
  async stay(): Promise<void> {
    await Promise.all(this.buyers.map((buyer) => buyer.stay()));
  }

  async stop(): Promise<void> {
    for (const sender of this.senders) sender.stop();
    await Promise.all([...this.buyers, ...this.consumers].map((one) => one.stop()));
  }

  private hearOf(producerId: string, epoch: string): void {
    const known = this.epochs.get(producerId);
    if (!known) this.epochs.set(producerId, [epoch]);
    else if (!known.includes(epoch)) known.push(epoch);
  }
}
