import type { ErrorFrame, Refusal } from '@motience/protocol';

export interface ErrorSubject {
  /** The reading that is refused. */
  reading?: number;
  /** The producer that the refused frame named. */
  producerId?: string;
  requestId?: string;
}

/** The frame that tells a refusal, and what it is about. Of an internal error only its id is told. */
export function errorFrame(refusal: Refusal, about: ErrorSubject = {}): string {
  const frame: ErrorFrame = {
    type: 'error',
    kind: refusal.kind,
    detail: refusal.kind === 'internal' ? 'an internal error' : refusal.message,
    ...(about.reading === undefined ? {} : { reading: about.reading }),
    ...(about.producerId === undefined ? {} : { producer_id: about.producerId }),
    ...(refusal.retryAfterSeconds === undefined ? {} : { retry_after: refusal.retryAfterSeconds }),
    ...(about.requestId === undefined ? {} : { request_id: about.requestId }),
  };
  return JSON.stringify(frame);
}
