import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ConnectionWatch } from './connection-watch.ts';
import { type ConnectionWords, describeConnection } from './describe-connection.ts';

/** The words for a connection, counting down while it waits. */
export function useConnectionWords(watch: ConnectionWatch): ConnectionWords {
  const { state, since } = watch.current.value;
  const now = useSignal(performance.now());
  const waiting = state.phase === 'waiting';
  useEffect(() => {
    if (!waiting) return;
    const timer = setInterval(() => {
      now.value = performance.now();
    }, 500);
    return () => clearInterval(timer);
  }, [waiting, now]);
  return describeConnection(state, Math.max(0, now.value - since));
}

/** For the page's head: a dot and one word. */
export function ConnectionPill({ watch }: { watch: ConnectionWatch }) {
  const { tone, short } = useConnectionWords(watch);
  return (
    <span
      class={`pill pill-${tone}`}
      role="status"
      data-testid="connection"
      data-phase={watch.current.value.state.phase}
    >
      <span class="dot" aria-hidden="true" />
      {short}
    </span>
  );
}
