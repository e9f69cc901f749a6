import { networkInterfaces } from 'node:os';
import { isLoopback } from '@motience/service-kit';

/** Under which addresses other machines reach what listens on `host`; none when only this machine does. */
export function networkHostnames(host: string, interfaces = networkInterfaces()): string[] {
  if (host === 'localhost' || isLoopback(host)) return [];
  if (host !== '0.0.0.0' && host !== '::') return [host.includes(':') ? `[${host}]` : host];
  const addresses = Object.values(interfaces).flatMap((list) => list ?? []);
  return addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);
}
