import { useId } from 'preact/hooks';

interface FieldProps {
  label: string;
  name: string;
  password?: boolean;
  /** Which keyboard a phone shows. */
  keyboard?: 'text' | 'numeric' | 'search';
  autocomplete?: string;
  required?: boolean;
  value?: string;
  placeholder?: string;
  /** Shown while there is no error. */
  hint?: string | undefined;
  error?: string | undefined;
  onInput?: (value: string) => void;
}

/** A text field with its label and, next to it, what is wrong with what was entered. */
export function Field({ label, hint, error, onInput, password = false, keyboard = 'text', ...rest }: FieldProps) {
  const id = useId();
  const about = error ?? hint;
  const common = {
    id,
    autocapitalize: 'none',
    autocomplete: 'off',
    spellcheck: false,
    inputMode: keyboard,
    'aria-invalid': error === undefined ? undefined : 'true',
    'aria-describedby': about === undefined ? undefined : `${id}-about`,
    onInput: (event: { currentTarget: { value: string } }) => onInput?.(event.currentTarget.value),
    ...rest,
  } as const;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {password ? <input type="password" {...common} /> : <input type="text" {...common} />}
      {about === undefined ? null : (
        <p
          id={`${id}-about`}
          class={error === undefined ? 'hint' : 'field-error'}
          role={error === undefined ? undefined : 'alert'}
        >
          {about}
        </p>
      )}
    </div>
  );
}
