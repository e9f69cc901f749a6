import { openDatabase } from '@motience/database';
import { defaultLimits, fieldErrors, Refusal, registerRequestSchema } from '@motience/protocol';
import {
  commandEnvironment,
  databaseUrl,
  explainToOperator,
  integer,
  notRunning,
  readConfig,
} from '@motience/service-kit';
import { Command } from 'commander';
import { hashPassword } from './password-hasher.ts';
import { readPassword } from './read-password.ts';
import { insertAccount } from './services/register-account.ts';

interface CreateOptions {
  username: string;
  name?: string;
  email?: string;
  passwordFile?: string;
}

const settings = {
  databaseUrl,
  passwordMinLength: integer('PASSWORD_MIN_LENGTH', defaultLimits.passwordMinLength, { min: 1, max: 128 }),
};

/** Makes an admin account straight in PostgreSQL: what nobody can do over the API. */
async function createAdmin(options: CreateOptions): Promise<void> {
  const environment = commandEnvironment();
  if (!environment) throw new Mistake([notRunning]);
  const config = readConfig(settings, environment);
  const password = await readPassword(options.passwordFile);
  if (password === '') throw new Mistake(['no password was given']);
  // An admin's fields follow the rules of everyone's; only the role is one that cannot be registered.
  const request = registerRequestSchema(config.passwordMinLength)
    .omit({ role: true, device_id: true })
    .safeParse({ username: options.username, password, name: options.name, email: options.email });
  if (!request.success) throw new Mistake(fieldErrors(request.error).map(({ path, message }) => `${path}: ${message}`));

  const database = openDatabase(config.databaseUrl, { maxConnections: 2 });
  try {
    const passwordHash = await hashPassword(request.data.password);
    const account = await insertAccount(database.db, { ...request.data, role: 'admin', passwordHash });
    process.stdout.write(`Created the admin ${account.username} with id ${account.id}.\n`);
  } finally {
    await database.close();
  }
}

/** Something the person at the keyboard can put right; told in plain lines. */
class Mistake extends Error {
  constructor(lines: string[]) {
    super(lines.join('\n'));
  }
}

function explain(error: unknown): string {
  return error instanceof Mistake || error instanceof Refusal ? error.message : explainToOperator(error);
}

const program = new Command('motience-admin').description('Looks after accounts, on the server').showHelpAfterError();
program
  .command('create')
  .description('make an admin account; asks for its password, or reads it from a file or standard input')
  .requiredOption('--username <name>', '3 to 64 of letters, digits and . _ - @ +')
  .option('--password-file <path>', 'read the password from this file; - is standard input')
  .option('--name <text>', 'name that others see')
  .option('--email <address>', 'where to reach the admin')
  .addHelpText(
    'after',
    `
PostgreSQL is the one of the platform that runs on this machine, or that DATABASE_URL, or DB_HOST, DB_PORT, DB_NAME,
DB_USER and DB_PASSWORD name, in the environment or in .env.`,
  )
  .action(createAdmin);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`motience-admin: ${explain(error)}\n`);
  process.exitCode = 1;
}
