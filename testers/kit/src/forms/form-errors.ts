import { Refusal } from '@motience/protocol';

/** What to say next to which field; `form` is about none in particular. */
export interface FormErrors {
  fields: Readonly<Record<string, string>>;
  form?: string;
}

export const noErrors: FormErrors = { fields: {} };

/**
 * Puts a refusal next to the fields it is about; what is about none of them is for the whole form. What is about a part of
 * a field, such as the third of its tags, is about the field.
 */
export function formErrors(error: unknown, fields: readonly string[]): FormErrors {
  if (!(error instanceof Refusal)) return { fields: {}, form: error instanceof Error ? error.message : String(error) };
  const details = (error.details ?? []).map(({ path, message }) => ({ field: fieldOf(path, fields), message }));
  const byField: Record<string, string> = {};
  for (const { field, message } of details) if (field !== undefined) byField[field] ??= sentence(message);
  const isPlaced = details.length > 0 && details.every(({ field }) => field !== undefined);
  if (isPlaced) return { fields: byField };
  if (error.kind === 'conflict' && fields.includes('username') && Object.keys(byField).length === 0) {
    return { fields: { username: 'This name is taken.' } };
  }
  return { fields: byField, form: sentence(error.message) };
}

/** The field of that name, or the one it is a part of. */
function fieldOf(path: string, fields: readonly string[]): string | undefined {
  return fields.find((field) => field === path) ?? fields.find((field) => path.startsWith(`${field}.`));
}

/** An address at the beginning stays as it is written. */
function sentence(text: string): string {
  const capital = /^\w+:\/\//.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
