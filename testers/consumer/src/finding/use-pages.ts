import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

interface Found<Item> {
  items: readonly Item[];
  cursor: string | null;
}

const typingPauseMs = 250;

/**
 * What a search finds, page by page. `key` says what is searched: when it changes the search is made anew, once nothing
 * has been typed for a moment. An undefined key is not searched.
 */
export function usePages<Item>(key: string | undefined, read: (cursor: string | null) => Promise<Page<Item>>) {
  const found = useSignal<(Found<Item> & { key: string }) | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const wanted = useRef(key);
  wanted.current = key;

  const search = async (asked: string, before: Found<Item> | undefined) => {
    try {
      const { items, next_cursor } = await read(before?.cursor ?? null);
      // An answer to what was typed before is of no use any more.
      if (wanted.current !== asked) return;
      problem.value = undefined;
      found.value = { key: asked, items: [...(before?.items ?? []), ...items], cursor: next_cursor };
    } catch (error) {
      if (wanted.current === asked) problem.value = error instanceof Error ? error.message : String(error);
    }
  };

  useEffect(() => {
    if (key === undefined) return;
    const timer = setTimeout(() => void search(key, undefined), found.value === undefined ? 0 : typingPauseMs);
    return () => clearTimeout(timer);
  }, [key]);

  const shown = found.value;
  return {
    /** Undefined until something has been found, or found missing. */
    items: shown?.items,
    problem: problem.value,
    /** Undefined where there is no more. */
    more: shown === undefined || shown.cursor === null ? undefined : () => void search(shown.key, shown),
  };
}
