import { readAuthConfig } from '@motience/auth-api/config';
import { readBillingConfig } from '@motience/billing-api/config';
import { readConsumerGatewayConfig } from '@motience/consumer-gateway/config';
import { readDataStreamManagerConfig } from '@motience/data-stream-manager/config';
import { readProducerGatewayConfig } from '@motience/producer-gateway/config';
import { type Environment, port, readConfig } from '@motience/service-kit';
import { readSubscriptionManagerConfig } from '@motience/subscription-manager/config';

/** How a service is called in `/config.json` of the tester pages. */
export type UrlName =
  | 'auth_url'
  | 'subscription_url'
  | 'stream_url'
  | 'billing_url'
  | 'producer_gateway_url'
  | 'consumer_gateway_url';

/** One of the services: a process of its own, configured by its environment. */
export interface Service {
  readonly name: string;
  readonly portVariable: string;
  readonly standardPort: number;
  readonly urlName: UrlName;
  readonly scheme: 'http' | 'ws';
  /** Path of its socket. */
  readonly path: '' | '/producer' | '/consumer';
  /** What it reads its settings with when it starts. */
  readonly readConfig: (environment: Environment) => unknown;
  /** Flags for Node itself. */
  readonly nodeArgs?: readonly string[];
}

/** In the order they are started; the first one has to be up before the others, which check tokens with its keys. */
export const services: readonly [Service, ...Service[]] = [
  {
    name: 'auth-api',
    portVariable: 'AP_PORT',
    standardPort: 3001,
    urlName: 'auth_url',
    scheme: 'http',
    path: '',
    readConfig: readAuthConfig,
  },
  {
    name: 'subscription-manager',
    portVariable: 'SM_PORT',
    standardPort: 3002,
    urlName: 'subscription_url',
    scheme: 'http',
    path: '',
    readConfig: readSubscriptionManagerConfig,
  },
  {
    name: 'data-stream-manager',
    portVariable: 'DSM_PORT',
    standardPort: 3003,
    urlName: 'stream_url',
    scheme: 'http',
    path: '',
    readConfig: readDataStreamManagerConfig,
  },
  {
    name: 'billing-api',
    portVariable: 'BILLING_PORT',
    standardPort: 3004,
    urlName: 'billing_url',
    scheme: 'http',
    path: '',
    readConfig: readBillingConfig,
  },
  {
    name: 'producer-gateway',
    portVariable: 'WSS1_PORT',
    standardPort: 8001,
    urlName: 'producer_gateway_url',
    scheme: 'ws',
    path: '/producer',
    readConfig: readProducerGatewayConfig,
  },
  {
    name: 'consumer-gateway',
    portVariable: 'WSS2_PORT',
    standardPort: 8002,
    urlName: 'consumer_gateway_url',
    scheme: 'ws',
    path: '/consumer',
    readConfig: readConsumerGatewayConfig,
    // While many sockets open at once, V8 would let the space for new objects grow to 48 MB, and never give it back: half of
    // that is a kilobyte less for each of 15,000 sockets.
    nodeArgs: ['--max-semi-space-size=8'],
  },
];

/** The ports as configured, by variable. */
export function configuredPorts(environment: Environment): Map<string, number> {
  const ports = readConfig(
    Object.fromEntries(
      services.map(({ portVariable, standardPort }) => [portVariable, port(portVariable, standardPort)]),
    ),
    environment,
  );
  return new Map(Object.entries(ports));
}
