import { errorCode } from './describe-error.ts';

/** A port that cannot be had; the message says which and by what variable another one is set. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen';

  constructor(host: string, port: number, portVariable: string, reason = 'is in use') {
    super(`port ${port} on ${host} ${reason}; set ${portVariable} to another one`);
  }
}

/** Makes a {@link CannotListen} of a system error of `listen`; other errors come back as they are. */
export function listenError(error: unknown, host: string, port: number, portVariable: string): unknown {
  const code = errorCode(error);
  if (code === 'EADDRINUSE') return new CannotListen(host, port, portVariable);
  if (code === 'EACCES') return new CannotListen(host, port, portVariable, 'may not be used by this user');
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new CannotListen(host, port, portVariable, 'cannot be used: HOST names no address of this machine');
  }
  return error;
}

/** `http://127.0.0.1:3001`, with an IPv6 address in brackets. */
export function urlOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
