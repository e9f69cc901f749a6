/** How a consumer's socket is to be served, as it asked for when it connected. */
export interface SocketMode {
  /** Nothing starts by itself. */
  readonly manual: boolean;
  /** Several readings may come in one frame, as an array. */
  readonly packed: boolean;
  /** It may be sent less than goes out to it. */
  readonly compressed: boolean;
}

/** `query` is that of the upgrade request; see `checkQuery`. */
export function readMode(query: string): SocketMode {
  const parameters = new URLSearchParams(query);
  return {
    manual: parameters.get('mode') === 'manual',
    packed: parameters.get('packed') === 'true',
    compressed: parameters.get('compress') === 'true',
  };
}
