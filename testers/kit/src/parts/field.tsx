import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface LabelledProps {
  label: string;
  name: string;
  /** Shown while there is no error. */
  hint?: string | undefined;
  error?: string | undefined;
}

interface TextProps extends LabelledProps {
  required?: boolean;
  value?: string;
  /** What stands in it at first, where nobody follows what is typed. */
  initial?: string | undefined;
  placeholder?: string;
  onInput?: (value: string) => void;
}

interface FieldProps extends TextProps {
  password?: boolean;
  /** Which keyboard a phone shows. */
  keyboard?: 'text' | 'numeric' | 'decimal' | 'search';
  autocomplete?: string;
}

/** A text field with its label and, next to it, what is wrong with what was entered. */
export function Field({ label, hint, error, password = false, keyboard = 'text', autocomplete, ...rest }: FieldProps) {
  const id = useId();
  const common = {
    ...textAttributes({ id, hint, error, ...rest }),
    ...(autocomplete === undefined ? {} : { autocomplete }),
    inputMode: keyboard,
  } as const;
  return (
    <Labelled id={id} label={label} hint={hint} error={error}>
      {password ? <input type="password" {...common} /> : <input type="text" {...common} />}
    </Labelled>
  );
}

/** The same for text of several lines. */
export function AreaField({ label, hint, error, rows = 4, ...rest }: TextProps & { rows?: number }) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} error={error}>
      <textarea rows={rows} {...textAttributes({ id, hint, error, ...rest })} />
    </Labelled>
  );
}

interface ChoiceFieldProps<Value extends string> extends LabelledProps {
  options: readonly { value: Value; label: string }[];
  choice: Signal<Value>;
}

/** The same for one of several. */
export function ChoiceField<Value extends string>({
  label,
  hint,
  error,
  name,
  options,
  choice,
}: ChoiceFieldProps<Value>) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} error={error}>
      <select
        name={name}
        value={choice.value}
        onChange={(event) => {
          const chosen = options.find((option) => option.value === event.currentTarget.value);
          if (chosen) choice.value = chosen.value;
        }}
        {...stateAttributes(id, hint, error)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

function textAttributes({ id, hint, error, onInput, initial, ...rest }: Omit<TextProps, 'label'> & { id: string }) {
  return {
    autocapitalize: 'none',
    autocomplete: 'off',
    spellcheck: false,
    onInput: (event: { currentTarget: { value: string } }) => onInput?.(event.currentTarget.value),
    ...(initial === undefined ? {} : { defaultValue: initial }),
    ...stateAttributes(id, hint, error),
    ...rest,
  } as const;
}

function stateAttributes(id: string, hint: string | undefined, error: string | undefined) {
  const isExplained = (error ?? hint) !== undefined;
  return {
    id,
    'aria-invalid': error === undefined ? undefined : ('true' as const),
    'aria-describedby': isExplained ? `${id}-about` : undefined,
  };
}

interface FrameProps extends Omit<LabelledProps, 'name'> {
  id: string;
  children: ComponentChildren;
}

function Labelled({ id, label, hint, error, children }: FrameProps) {
  const about = error ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
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
