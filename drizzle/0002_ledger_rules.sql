-- What the ledger promises, kept by the database for everyone who writes to it, by hand too.

-- Transactions and entries are never changed or removed, accounts never removed.
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused; correct by a reversal', tg_table_name, lower(tg_op)
    USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  EXECUTE FUNCTION ledger_refuse_change();
--> statement-breakpoint
CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
  EXECUTE FUNCTION ledger_refuse_change();
--> statement-breakpoint
CREATE TRIGGER ledger_accounts_kept BEFORE DELETE OR TRUNCATE ON ledger_accounts
  EXECUTE FUNCTION ledger_refuse_change();
--> statement-breakpoint

-- An account begins at zero; afterwards its balance is changed by the trigger that applies entries (which makes this one
-- the second in depth) and by nothing else, and the rest of it not at all. It looks after the fact: with a trigger before
-- an update PostgreSQL takes the generated code, a key, for changed, and locks the row against the foreign keys of
-- entries that others are inserting, which deadlocks.
CREATE FUNCTION ledger_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF tg_op = 'INSERT' THEN
    IF new.balance <> 0 THEN
      RAISE EXCEPTION 'a ledger account begins at zero' USING ERRCODE = 'restrict_violation';
    END IF;
  ELSIF pg_trigger_depth() < 2
    OR (new.id, new.kind, new.owner_id, new.currency, new.name)
      IS DISTINCT FROM (old.id, old.kind, old.owner_id, old.currency, old.name) THEN
    RAISE EXCEPTION 'a ledger account changes by entries only' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER ledger_accounts_guard AFTER INSERT OR UPDATE ON ledger_accounts
  FOR EACH ROW EXECUTE FUNCTION ledger_guard_account();
--> statement-breakpoint

-- Remembers which database transaction inserted a ledger transaction, so that no entries can be added to it later.
CREATE FUNCTION ledger_seal_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  new.posted_in := pg_current_xact_id();
  RETURN new;
END $$;
--> statement-breakpoint
CREATE TRIGGER ledger_transactions_seal BEFORE INSERT ON ledger_transactions
  FOR EACH ROW EXECUTE FUNCTION ledger_seal_transaction();
--> statement-breakpoint

-- Applies the entries that one statement inserted to the balances. Accounts are locked in the order of their ids, so two
-- statements never wait for each other in a circle.
CREATE FUNCTION ledger_apply_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  overdrawn text;
BEGIN
  IF EXISTS (
    SELECT FROM added JOIN ledger_transactions t ON t.id = added.transaction_id
    WHERE t.posted_in <> pg_current_xact_id()
  ) THEN
    RAISE EXCEPTION 'ledger_entries: a committed transaction gets no more entries' USING ERRCODE = 'restrict_violation';
  END IF;

  PERFORM FROM ledger_accounts WHERE id IN (SELECT account_id FROM added) ORDER BY id FOR NO KEY UPDATE;

  SELECT account.code INTO overdrawn
  FROM ledger_accounts account
  JOIN (SELECT account_id, sum(amount) AS amount FROM added GROUP BY account_id) change ON change.account_id = account.id
  WHERE account.kind IN ('wallet', 'hold') AND account.balance + change.amount < 0
  ORDER BY account.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger account % would fall below zero', overdrawn
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_accounts_covered', DETAIL = overdrawn;
  END IF;

  UPDATE ledger_accounts account SET balance = account.balance + change.amount
  FROM (SELECT account_id, sum(amount) AS amount FROM added GROUP BY account_id) change
  WHERE account.id = change.account_id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER ledger_entries_apply AFTER INSERT ON ledger_entries
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_apply_entries();
--> statement-breakpoint

-- When the database transaction commits, the entries of each ledger transaction add up to zero in each currency, and those
-- of a reversal take back exactly what it reverses.
CREATE FUNCTION ledger_check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  unbalanced text;
  reversed bigint;
BEGIN
  SELECT account.currency INTO unbalanced
  FROM ledger_entries entry JOIN ledger_accounts account ON account.id = entry.account_id
  WHERE entry.transaction_id = new.transaction_id
  GROUP BY account.currency HAVING sum(entry.amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger transaction % does not add up to zero in %', new.transaction_id, unbalanced
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transactions_balanced';
  END IF;

  SELECT reverses INTO reversed FROM ledger_transactions WHERE id = new.transaction_id;
  IF reversed IS NOT NULL AND EXISTS (
    SELECT
    FROM (SELECT account_id, amount FROM ledger_entries WHERE transaction_id = new.transaction_id) mine
    FULL JOIN (SELECT account_id, amount FROM ledger_entries WHERE transaction_id = reversed) theirs USING (account_id)
    WHERE mine.amount IS DISTINCT FROM -theirs.amount
  ) THEN
    RAISE EXCEPTION 'ledger transaction % does not take back what it reverses', new.transaction_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transactions_reversal';
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER ledger_entries_check AFTER INSERT ON ledger_entries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_entries();
--> statement-breakpoint

-- A transaction without entries would be a key that is taken for nothing.
CREATE FUNCTION ledger_check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM ledger_entries WHERE transaction_id = new.id) THEN
    RAISE EXCEPTION 'ledger transaction % has no entries', new.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transactions_entries';
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER ledger_transactions_check AFTER INSERT ON ledger_transactions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_transaction();
--> statement-breakpoint

-- Balances change often; room in each page keeps the new version beside the old, without touching the indexes.
ALTER TABLE ledger_accounts SET (fillfactor = 70);
