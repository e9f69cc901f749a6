import { formatTime } from '../figures/format.ts';
import { Button } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { useConnectionWords } from './connection-status.tsx';
import type { ConnectionWatch } from './connection-watch.ts';

interface ConnectionCardProps {
  watch: ConnectionWatch;
  /** Address of the gateway, for people; it holds no token. */
  address: string;
  /** What connecting does, where it does more than that. */
  connectLabel?: string;
  onConnect: () => void;
  /** Connects without what was before; offered while there is no connection. */
  onConnectAnew?: (() => void) | undefined;
  onDisconnect: () => void;
}

/** The connection: to what, since when, connect and disconnect, and what became of it so far. */
export function ConnectionCard({
  watch,
  address,
  connectLabel = 'Connect',
  onConnect,
  onConnectAnew,
  onDisconnect,
}: ConnectionCardProps) {
  const { tone, long } = useConnectionWords(watch);
  const { phase } = watch.current.value.state;
  const off = phase === 'idle' || phase === 'stopped';
  const history = watch.history.value;
  return (
    <Card
      title="Connection"
      aside={
        <Button small onClick={off ? onConnect : onDisconnect}>
          {off ? connectLabel : 'Disconnect'}
        </Button>
      }
    >
      <p class="address">{address}</p>
      {long === '' ? null : (
        <p class={`trouble trouble-${tone}`} data-testid="connection-trouble">
          {long}
        </p>
      )}
      {off && onConnectAnew ? (
        <Button small tone="quiet" onClick={onConnectAnew}>
          Start with what is live
        </Button>
      ) : null}
      {history.length === 0 ? null : (
        <details class="history">
          <summary>History ({history.length})</summary>
          <ol class="history-list" data-testid="connection-history">
            {history.map(({ number, at, tone: entryTone, text }) => (
              <li key={number} class={`history-${entryTone}`}>
                <time>{formatTime(at).slice(0, 8)}</time> {text}
              </li>
            ))}
          </ol>
        </details>
      )}
    </Card>
  );
}
