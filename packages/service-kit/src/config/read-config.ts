import { type FieldError, fieldErrors } from '@motience/protocol';
import type { z } from 'zod';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a setting made of the environment: its value, or every mistake found, by variable. */
export type SettingResult<T> = { readonly value: T } | { readonly mistakes: FieldError[] };

/** One part of a configuration: a pure function of the environment. A variable that is empty counts as not set. */
export type Setting<T> = (environment: Environment) => SettingResult<T>;

export type ConfigOf<Settings> = { [K in keyof Settings]: Settings[K] extends Setting<infer T> ? T : never };

/** Everything that is wrong with the environment, at once. Names variables and what was expected, never their values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly mistakes: FieldError[];

  constructor(mistakes: FieldError[]) {
    super(
      `The configuration is not right:\n${mistakes.map(({ path, message }) => `  ${path}: ${message}`).join('\n')}`,
    );
    this.mistakes = mistakes;
  }
}

/** A typed configuration made of `settings`. Throws one {@link ConfigError} that lists all mistakes. */
export function readConfig<Settings extends Record<string, Setting<unknown>>>(
  settings: Settings,
  environment: Environment,
): ConfigOf<Settings>;
export function readConfig(
  settings: Record<string, Setting<unknown>>,
  environment: Environment,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const mistakes = new Map<string, FieldError>();
  for (const [name, setting] of Object.entries(settings)) {
    const result = setting(environment);
    if ('value' in result) values[name] = result.value;
    else for (const mistake of result.mistakes) mistakes.set(`${mistake.path}\n${mistake.message}`, mistake);
  }
  if (mistakes.size > 0) throw new ConfigError([...mistakes.values()]);
  return values;
}

/** A setting that is one variable, checked by `schema`, which is given a string or undefined. */
export function variable<T>(name: string, schema: z.ZodType<T>): Setting<T> {
  return (environment) => {
    const parsed = schema.safeParse(environment[name] || undefined);
    if (parsed.success) return { value: parsed.data };
    return { mistakes: fieldErrors(parsed.error).map(({ message }) => ({ path: name, message })) };
  };
}

/** A setting made from others: `make` is called once all of them are right. */
export function combine<Settings extends Record<string, Setting<unknown>>, T>(
  settings: Settings,
  make: (values: ConfigOf<Settings>, environment: Environment) => SettingResult<T>,
): Setting<T> {
  return (environment) => {
    try {
      return make(readConfig(settings, environment), environment);
    } catch (error) {
      if (error instanceof ConfigError) return { mistakes: error.mistakes };
      throw error;
    }
  };
}
