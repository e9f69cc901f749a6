import { Refusal } from '@motience/protocol';

/** Does work on the ledger's tables; what they refuse becomes a Refusal, any other error stays what it is. */
export async function refuseDatabaseErrors<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error) ?? error;
  }
}

function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || error instanceof Refusal) return undefined;
  const { code, constraint_name: constraint, detail } = fieldsOf(error);
  if (constraint === 'ledger_accounts_covered') {
    const [, kind = 'account'] = detail.split(':');
    return new Refusal('payment-required', `the ${kind} has less than is to be taken from it`, { cause: error });
  }
  if (constraint === 'ledger_accounts_owed') {
    return new Refusal('conflict', 'more is to be paid back than is owed', { cause: error });
  }
  if (constraint === 'ledger_transactions_reverses') {
    return new Refusal('conflict', 'the transaction has been reversed already', { cause: error });
  }
  if (code === '23503') {
    const missing = missingOf.get(constraint);
    if (missing) return new Refusal('not-found', `there is no such ${missing}`, { cause: error });
  }
  // Only a balance can be too large: amounts were looked at before.
  if (code === '22003') return new Refusal('invalid-request', 'the balance would be too large', { cause: error });
  return error.cause === undefined ? undefined : refusalOf(error.cause);
}

const missingOf = new Map([
  ['ledger_accounts_owner_id_users_id_fk', 'account'],
  ['ledger_transactions_subscription_id_subscriptions_id_fk', 'subscription'],
  ['ledger_transactions_reverses_ledger_transactions_id_fk', 'transaction'],
]);

/** The fields PostgreSQL sends with an error, as far as it sent them. */
function fieldsOf(error: Error): Record<'code' | 'constraint_name' | 'detail', string> {
  const field = (name: string) => {
    const value: unknown = name in error ? Reflect.get(error, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { code: field('code'), constraint_name: field('constraint_name'), detail: field('detail') };
}
