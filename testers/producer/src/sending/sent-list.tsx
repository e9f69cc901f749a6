import { Button, Card, Empty, formatSpan, formatTime, plural } from '@motience/testers-kit';
import type { Sending } from './sending.ts';
import { type SentEntry, statusOf } from './sent-log.ts';

/** What was sent, newest first, each with its answer. */
export function SentList({ sending }: { sending: Sending }) {
  sending.pulse.beats.value;
  const { entries } = sending.log;
  return (
    <Card
      title="Sent"
      flush
      aside={
        entries.length === 0 ? undefined : (
          <Button
            small
            tone="quiet"
            onClick={() => {
              sending.log.clear();
              sending.pulse.now();
            }}
          >
            Clear
          </Button>
        )
      }
    >
      {entries.length === 0 ? (
        <Empty title="Nothing sent yet">
          Each reading appears here with the gateway’s answer: acknowledged once it is stored, or refused and why.
        </Empty>
      ) : (
        <ol class="sent" data-testid="sent">
          {entries.map((entry) => (
            <SentItem key={entry.number} entry={entry} />
          ))}
        </ol>
      )}
    </Card>
  );
}

function SentItem({ entry }: { entry: SentEntry }) {
  const status = statusOf(entry);
  return (
    <li class={`sent-${status}`} data-status={status}>
      <div class="sent-line">
        <time class="sent-time">{formatTime(entry.at)}</time>
        <span class="sent-what">
          {entry.readings === 1 ? entry.deviceId : `${plural(entry.readings, 'reading')} of ${entry.deviceId}`}
        </span>
        <span class="sent-answer">{answerOf(entry)}</span>
      </div>
      {entry.refusal === undefined ? null : <p class="sent-refusal">{entry.refusal}</p>}
      <details>
        <summary class="sent-text">{entry.text}</summary>
        <pre>{entry.text}</pre>
      </details>
    </li>
  );
}

function answerOf(entry: SentEntry): string {
  const { readings, acknowledged, refused, settledMs } = entry;
  const took = settledMs === undefined ? '' : ` in ${formatSpan(settledMs)}`;
  if (statusOf(entry) === 'waiting') return readings === 1 ? 'Waiting' : `Waiting, ${acknowledged} of ${readings}`;
  if (refused === 0) return `Acknowledged${took}`;
  return refused === readings ? 'Refused' : `${refused} of ${readings} refused`;
}
