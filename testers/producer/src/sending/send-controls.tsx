import { Button, Field } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import type { Repetition } from './repetition.ts';

interface SendControlsProps {
  /** Whether the text is valid and the connection open. */
  canSend: boolean;
  repetition: Repetition;
  onSend: () => void;
  onRepeat: (everyMs: number) => void;
  onBurst: (count: number) => void;
}

const bounds = { interval: { min: 10, max: 3_600_000 }, burst: { min: 1, max: 10_000 } };

/** Once, every so often, or many at once. */
export function SendControls({ canSend, repetition, onSend, onRepeat, onBurst }: SendControlsProps) {
  const interval = useSignal('1000');
  const burst = useSignal('100');
  const everyMs = wholeNumber(interval.value, bounds.interval);
  const count = wholeNumber(burst.value, bounds.burst);
  const running = repetition.running.value;
  return (
    <div class="send-controls">
      <Button tone="primary" wide disabled={!canSend} onClick={onSend}>
        Send once
      </Button>
      <div class="row row-top">
        <Field
          label="Interval in ms"
          name="interval"
          keyboard="numeric"
          value={interval.value}
          error={everyMs === undefined ? '10 to 3,600,000' : undefined}
          onInput={(value) => {
            interval.value = value;
          }}
        />
        <div class="beside-field">
          {running ? (
            <Button pressed onClick={() => repetition.stop()}>
              Stop
            </Button>
          ) : (
            <Button disabled={!canSend || everyMs === undefined} onClick={() => everyMs && onRepeat(everyMs)}>
              Repeat
            </Button>
          )}
        </div>
      </div>
      <div class="row row-top">
        <Field
          label="Burst size"
          name="burst"
          keyboard="numeric"
          value={burst.value}
          error={count === undefined ? '1 to 10,000' : undefined}
          onInput={(value) => {
            burst.value = value;
          }}
        />
        <div class="beside-field">
          <Button disabled={!canSend || count === undefined} onClick={() => count && onBurst(count)}>
            Send burst
          </Button>
        </div>
      </div>
    </div>
  );
}

function wholeNumber(text: string, { min, max }: { min: number; max: number }): number | undefined {
  const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}
