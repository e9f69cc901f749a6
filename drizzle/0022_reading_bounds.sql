-- Comes with PostgreSQL; who owns a database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
--> statement-breakpoint
CREATE TABLE "ledger_movements" (
	"account_id" bigint NOT NULL,
	"transaction_id" bigint NOT NULL,
	CONSTRAINT "ledger_movements_account_id_transaction_id_pk" PRIMARY KEY("account_id","transaction_id")
);
--> statement-breakpoint
ALTER TABLE "ledger_movements" ADD CONSTRAINT "ledger_movements_account_id_ledger_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."ledger_accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ledger_movements" ADD CONSTRAINT "ledger_movements_transaction_id_ledger_transactions_id_fk" FOREIGN KEY ("transaction_id") REFERENCES "public"."ledger_transactions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "delivered_time_until" ON "delivered_time" USING btree ("subscription_id","until_at");--> statement-breakpoint
CREATE INDEX "users_role" ON "users" USING btree ("role","id");--> statement-breakpoint
CREATE INDEX "users_text" ON "users" USING gin ("username" gin_trgm_ops,"name" gin_trgm_ops);
--> statement-breakpoint

-- Those that were posted before.
INSERT INTO ledger_movements (account_id, transaction_id)
SELECT entry.account_id, entry.transaction_id
FROM ledger_transactions t
JOIN ledger_entries entry ON entry.transaction_id = t.id
JOIN ledger_accounts account ON account.id = entry.account_id
WHERE t.kind NOT IN ('capture', 'hold', 'release') AND account.owner_id IS NOT NULL;
--> statement-breakpoint

CREATE FUNCTION ledger_note_movements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ledger_movements (account_id, transaction_id)
  SELECT entry.account_id, entry.transaction_id
  FROM added entry
  JOIN ledger_transactions t ON t.id = entry.transaction_id
  JOIN ledger_accounts account ON account.id = entry.account_id
  WHERE t.kind NOT IN ('capture', 'hold', 'release') AND account.owner_id IS NOT NULL;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER ledger_entries_movements AFTER INSERT ON ledger_entries
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_note_movements();
--> statement-breakpoint
CREATE TRIGGER ledger_movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_movements
  EXECUTE FUNCTION ledger_refuse_change();
