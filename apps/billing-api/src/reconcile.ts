import { openDatabase } from '@motience/database';
import {
  commandEnvironment,
  databaseUrl,
  duration,
  explainToOperator,
  notRunning,
  readConfig,
} from '@motience/service-kit';
import { Command, InvalidArgumentError } from 'commander';
import { type ReconcileReport, reconcile } from './reconcile/reconcile.ts';

interface Options {
  json?: true;
  subscription?: bigint;
}

const dayMs = 86_400_000;

/** The age is that of the data stream manager, which deletes what is older. */
const settings = {
  databaseUrl,
  streamRecordAgeMs: duration('STREAM_RECORD_AGE', '400d', { min: '31d', max: '3650d' }),
};

/** Exit code for books that do not agree; 1 is for what kept us from looking. */
const mismatchFound = 2;

async function run(options: Options): Promise<void> {
  const environment = commandEnvironment();
  if (!environment) throw new Error(notRunning);
  const config = readConfig(settings, environment);
  const database = openDatabase(config.databaseUrl, { maxConnections: 1 });
  const showProgress = process.stderr.isTTY === true;
  try {
    const report = await reconcile(database.db, {
      subscriptionId: options.subscription,
      recordedSince: new Date(Date.now() - config.streamRecordAgeMs + dayMs).toISOString().slice(0, 10),
      onProgress: (subscriptions) => {
        if (showProgress) process.stderr.write(`\r${subscriptions} subscriptions checked`);
      },
    });
    if (showProgress) process.stderr.write('\r\u001b[K');
    if (options.subscription !== undefined && report.subscriptions === 0) {
      throw new Error(`there is no subscription ${options.subscription}`);
    }
    process.stdout.write(options.json ? `${JSON.stringify(asJson(report))}\n` : inWords(report));
    if (report.mismatch !== undefined) process.exitCode = mismatchFound;
  } finally {
    await database.close();
  }
}

function asJson({ subscriptions, months, transactions, mismatch }: ReconcileReport) {
  return {
    in_order: mismatch === undefined,
    subscriptions,
    months,
    transactions: transactions === undefined ? null : String(transactions),
    mismatch: mismatch ?? null,
  };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function inWords({ subscriptions, months, transactions, mismatch }: ReconcileReport): string {
  if (mismatch !== undefined) return `The books do not agree. ${mismatch}\n`;
  const ledger = transactions === undefined ? '' : `; ${transactions} transactions of the ledger add up`;
  return `The books agree: delivered = metered = debited = invoiced = earned + fee for ${counted(subscriptions, 'subscription')} (${counted(months, 'month')} of use between them)${ledger}.\n`;
}

function subscriptionId(text: string): bigint {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('expected the id of a subscription.');
  return BigInt(text);
}

const program = new Command('motience-reconcile')
  .description(
    'Recomputes from the record, as of one instant, that what was delivered is what was metered, debited, invoiced and earned, to the millionth, and that the ledger adds up',
  )
  .option('--subscription <id>', 'look at this subscription only, and not at the books as a whole', subscriptionId)
  .option('--json', 'say what was found as one line of JSON')
  .showHelpAfterError()
  .addHelpText(
    'after',
    `
Exits with 0 if all agrees, with 2 and the first mismatch if something does not, with 1 if it could not look. It only reads,
and can run at any time.

PostgreSQL is the one of the platform that runs on this machine, or that DATABASE_URL, or DB_HOST, DB_PORT, DB_NAME,
DB_USER and DB_PASSWORD name, in the environment or in .env.`,
  )
  .action(run);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`motience-reconcile: ${explainToOperator(error)}\n`);
  process.exitCode = 1;
}
