import type { DeliveredSpan } from '@motience/stream-log';

/** The same readings, each once: intervals that neither overlap nor touch, by epoch and in order. */
export function uniteSpans(spans: readonly DeliveredSpan[]): DeliveredSpan[] {
  const united: DeliveredSpan[] = [];
  const inOrder = spans.toSorted(
    (one, other) =>
      (one.epoch < other.epoch ? -1 : one.epoch > other.epoch ? 1 : one.from - other.from) || one.to - other.to,
  );
  for (const span of inOrder) {
    const last = united.at(-1);
    if (!last || last.epoch !== span.epoch || last.to < span.from - 1) united.push({ ...span });
    else if (span.to > last.to) {
      last.to = span.to;
      last.bytesThrough = span.bytesThrough;
    }
  }
  return united;
}
