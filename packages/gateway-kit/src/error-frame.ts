import type { ErrorFrame, Refusal } from '@motience/protocol';

/** The frame that tells a refusal; with `reading`, that of one reading. Of an internal error only its id is told. */
export function errorFrame(refusal: Refusal, about: { reading?: number; requestId?: string } = {}): string {
  const frame: ErrorFrame = {
    type: 'error',
    kind: refusal.kind,
    detail: refusal.kind === 'internal' ? 'an internal error' : refusal.message,
    ...(about.reading === undefined ? {} : { reading: about.reading }),
    ...(refusal.retryAfterSeconds === undefined ? {} : { retry_after: refusal.retryAfterSeconds }),
    ...(about.requestId === undefined ? {} : { request_id: about.requestId }),
  };
  return JSON.stringify(frame);
}
