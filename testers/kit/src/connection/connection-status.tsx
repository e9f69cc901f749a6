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

/** Says why there is no connection and what happens next; nothing while all is well. */
export function ConnectionTrouble({ watch }: { watch: ConnectionWatch }) {
  const { tone, short, long } = useConnectionWords(watch);
  if (long === '') return null;
  // Not a live region: the countdown would be read out every second; the pill announces the change itself.
  return (
    <div class={`notice notice-${tone}`} data-testid="connection-trouble">
      <strong>{short}.</strong> {long}
    </div>
  );
}
