import { isLoopback } from '@motience/service-kit';
import { type Service, services, type UrlName } from './services.ts';

/** Where everything can be reached: ports as configured until a service has reported the one it got. */
export class Addresses {
  private readonly reported = new Map<string, number>();

  constructor(
    private readonly host: string,
    private readonly configured: ReadonlyMap<string, number>,
    /** Whether the gateways have a certificate. */
    private readonly withTls: boolean,
  ) {}

  report(service: Service, port: number): void {
    this.reported.set(service.name, port);
  }

  /** Address of a service for someone who reaches this machine under `hostname`; without a path. */
  of(service: Service, hostname: string): string {
    const scheme = service.scheme === 'ws' && this.withTls ? 'wss' : service.scheme;
    return `${scheme}://${hostname}:${this.port(service)}`;
  }

  /** All services' addresses, as the tester pages and the demo want them. */
  all(hostname: string): Record<UrlName, string> {
    const entry = (name: UrlName) => this.of(services.find(({ urlName }) => urlName === name) ?? services[0], hostname);
    return {
      auth_url: entry('auth_url'),
      subscription_url: entry('subscription_url'),
      stream_url: entry('stream_url'),
      billing_url: entry('billing_url'),
      producer_gateway_url: entry('producer_gateway_url'),
      consumer_gateway_url: entry('consumer_gateway_url'),
    };
  }

  /** The hostname under which this machine reaches its own services; by name where a certificate has to fit. */
  get ownHostname(): string {
    if (this.withTls && ['127.0.0.1', '0.0.0.0', '::'].includes(this.host)) return 'localhost';
    if (this.host === '0.0.0.0') return '127.0.0.1';
    if (this.host === '::') return '[::1]';
    return this.host.includes(':') ? `[${this.host}]` : this.host;
  }

  /** The hostname that people at this machine are shown. */
  get shownHostname(): string {
    const isLocal = isLoopback(this.host) || ['localhost', '0.0.0.0', '::'].includes(this.host);
    return isLocal ? 'localhost' : this.ownHostname;
  }

  private port(service: Service): number {
    return this.reported.get(service.name) ?? this.configured.get(service.portVariable) ?? service.standardPort;
  }
}
