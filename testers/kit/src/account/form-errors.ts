import { Refusal } from '@motience/protocol';

/** What to say next to which field; `form` is about none in particular. */
export interface FormErrors {
  fields: Readonly<Record<string, string>>;
  form?: string;
}

export const noErrors: FormErrors = { fields: {} };

/** Puts a refusal next to the fields it is about; what is about none of them is for the whole form. */
export function formErrors(error: unknown, fields: readonly string[]): FormErrors {
  if (!(error instanceof Refusal)) return { fields: {}, form: error instanceof Error ? error.message : String(error) };
  const details = error.details ?? [];
  const known = details.filter(({ path }) => fields.includes(path));
  const others = details.filter(({ path }) => !fields.includes(path));
  const byField = Object.fromEntries(known.map(({ path, message }) => [path, sentence(message)]));
  if (error.kind === 'conflict' && fields.includes('username') && known.length === 0) {
    return { fields: { username: 'This name is taken.' } };
  }
  if (known.length > 0 && others.length === 0) return { fields: byField };
  return { fields: byField, form: sentence(error.message) };
}

/** An address at the beginning stays as it is written. */
function sentence(text: string): string {
  const capital = /^\w+:\/\//.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
