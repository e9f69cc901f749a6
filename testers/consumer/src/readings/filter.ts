import type { StoredReading } from '../receiving/reading-store.ts';

/**
 * A test for what was typed: every word has to occur in the producer's name or in the reading's text, whatever its
 * case. Nothing typed lets everything through.
 */
export function filterFor(text: string, nameOf: (producerId: string) => string): (stored: StoredReading) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return () => true;
  return ({ reading, text: frame }) => {
    const haystack = `${nameOf(reading.producer_id)} ${frame}`.toLowerCase();
    return words.every((word) => haystack.includes(word));
  };
}
