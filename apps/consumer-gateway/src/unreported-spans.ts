import type { DeliveredSpan } from '@motience/stream-log';
import { uniteSpans } from './unite-spans.ts';

/** So many are kept, at least, before they are looked through for those that belong together. */
const leastApart = 4_096;

/** Readings that were delivered, until they are reported: in no more room than intervals take that lie apart. */
export class UnreportedSpans {
  private spans: DeliveredSpan[] = [];
  private uniteAt = leastApart;

  /** How many intervals it holds. */
  get count(): number {
    return this.spans.length;
  }

  add(span: DeliveredSpan): void {
    const last = this.spans.at(-1);
    if (last?.epoch === span.epoch && last.to === span.from - 1) {
      last.to = span.to;
      last.bytesThrough = span.bytesThrough;
      return;
    }
    this.spans.push({ ...span });
    if (this.spans.length >= this.uniteAt) this.unite();
  }

  /** Takes at most so many intervals, which neither overlap nor touch. */
  take(most: number): DeliveredSpan[] {
    this.unite();
    return this.spans.splice(0, most);
  }

  private unite(): void {
    this.spans = uniteSpans(this.spans);
    this.uniteAt = Math.max(leastApart, this.spans.length * 2);
  }
}
