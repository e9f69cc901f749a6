import { ConsumerClient as AnyConsumerClient, type ConsumerClientOptions } from './consumer-client.ts';
import { openNodeSocket } from './node-socket.ts';
import { ProducerClient as AnyProducerClient, type ProducerClientOptions } from './producer-client.ts';

export * from './shared.ts';

/** Sends readings to the producer gateway. */
export class ProducerClient extends AnyProducerClient {
  constructor(options: ProducerClientOptions) {
    super(options, openNodeSocket);
  }
}

/** Receives readings from the consumer gateway. */
export class ConsumerClient extends AnyConsumerClient {
  constructor(options: ConsumerClientOptions) {
    super(options, openNodeSocket);
  }
}
