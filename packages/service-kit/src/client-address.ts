import { isIP, isIPv4 } from 'node:net';

/**
 * The address limits are counted by: IPv4 as it is, IPv6 by its /64, since a single customer has all of one.
 * `X-Forwarded-For` counts only as far as the proxies in front are trusted; what a client wrote into it does not.
 */
export function clientAddress(
  socketAddress: string,
  xForwardedFor: string | undefined,
  trustedProxies: number,
): string {
  const own = normalizeAddress(socketAddress) ?? 'unknown';
  if (trustedProxies === 0 || !xForwardedFor) return own;
  const forwarded = xForwardedFor.split(',').map((part) => normalizeAddress(part.trim()));
  // The nearest proxy wrote the last entry; each one further in front wrote the one before it.
  return forwarded[Math.max(0, forwarded.length - trustedProxies)] ?? own;
}

/** Whether an address is this machine's own. */
export function isLoopback(address: string): boolean {
  const groups = ipv6Groups(address);
  if (groups?.every((group, index) => group === (index === 7 ? 1 : 0))) return true;
  return (embeddedIpv4(groups) ?? address).startsWith('127.') && isIP(address) !== 0;
}

function normalizeAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const groups = ipv6Groups(text);
  if (!groups) return undefined;
  return (
    embeddedIpv4(groups) ??
    `${groups
      .slice(0, 4)
      .map((group) => group.toString(16))
      .join(':')}::/64`
  );
}

/** The eight groups of an IPv6 address, whatever way it is written; undefined if it is none. */
function ipv6Groups(text: string): number[] | undefined {
  const address = text.replace(/%.*$/, '');
  if (isIP(address) !== 6) return undefined;
  // The URL parser writes every IPv6 address in its one canonical form.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groupsOf = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

/** The IPv4 address in `::ffff:a.b.c.d`. */
function embeddedIpv4(groups: number[] | undefined): string | undefined {
  if (!groups?.slice(0, 6).every((group, index) => group === (index === 5 ? 0xffff : 0))) return undefined;
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}
