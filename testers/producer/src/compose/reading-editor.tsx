import { Button, formatBytes, plural } from '@motience/testers-kit';
import { useId } from 'preact/hooks';
import { type Checked, replaceTimestamp, tidy } from './reading-text.ts';

interface ReadingEditorProps {
  text: string;
  checked: Checked;
  /** Devices named in the text that are not the producer's. */
  unknownDevices: readonly string[];
  onText: (text: string) => void;
}

/** The JSON that is sent, and what is wrong with it, as one types. */
export function ReadingEditor({ text, checked, unknownDevices, onText }: ReadingEditorProps) {
  const id = useId();
  return (
    <div class="field">
      <div class="row row-between">
        <label for={id}>Reading, or an array of up to 500</label>
        <span class="row">
          <Button small tone="quiet" onClick={() => onText(replaceTimestamp(text, new Date()))}>
            Set time to now
          </Button>
          <Button small tone="quiet" onClick={() => onText(tidy(text))}>
            Tidy
          </Button>
        </span>
      </div>
      <textarea
        id={id}
        class="editor"
        rows={11}
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        value={text}
        aria-invalid={checked.ok ? undefined : 'true'}
        aria-describedby={`${id}-verdict`}
        data-testid="editor"
        onInput={(event) => onText(event.currentTarget.value)}
      />
      <div id={`${id}-verdict`} aria-live="polite" data-testid="verdict">
        {checked.ok ? (
          <p class="verdict">
            Valid: {plural(checked.readings.length, 'reading')}, {formatBytes(checked.bytes)}
          </p>
        ) : (
          <ul class="field-error">
            {checked.problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        )}
        {unknownDevices.length === 0 ? null : (
          <p class="caution">
            {unknownDevices.slice(0, 3).join(', ')} {unknownDevices.length === 1 ? 'is' : 'are'} not among your devices:
            the gateway will refuse such readings.
          </p>
        )}
      </div>
    </div>
  );
}
