/** Whose pages may call an API from a browser. */
export interface AllowedOrigins {
  readonly listed: readonly string[];
  /** Ports of the tester pages: allowed on the very host that a request was made to, under whatever name. */
  readonly ownPorts: readonly number[];
}

/**
 * Whether a page of `origin` may call the API that was reached as `hostHeader` says.
 *
 * A page of another name that is made to resolve to this machine passes as `ownPorts` when it sits on a tester's port.
 * That gives it nothing: it needs no permission at all from the API's own port, where it would be of the same origin;
 * and a browser has nothing to give away on its own, because there are no cookies here: whoever may do something brings
 * a token, which pages of other origins cannot read.
 */
export function isAllowedOrigin(
  origin: string,
  hostHeader: string | undefined,
  { listed, ownPorts }: AllowedOrigins,
): boolean {
  if (listed.includes(origin)) return true;
  const hostname = hostnameOf(hostHeader);
  return hostname !== undefined && ownPorts.some((port) => originOf(hostname, port) === origin);
}

/** Hostname in a `Host` header; undefined when it is none that could stand in a URL or a policy. */
export function hostnameOf(header: string | undefined): string | undefined {
  return /^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?$/.exec(header ?? '')?.[1];
}

function originOf(hostname: string, port: number): string | undefined {
  const url = `http://${hostname}:${port}`;
  return URL.canParse(url) ? new URL(url).origin : undefined;
}
