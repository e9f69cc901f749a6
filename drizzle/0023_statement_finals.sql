CREATE TABLE "statement_finals" (
	"account_id" bigint NOT NULL,
	"month" text NOT NULL,
	"account_name" text NOT NULL,
	CONSTRAINT "statement_finals_account_id_month_pk" PRIMARY KEY("account_id","month"),
	CONSTRAINT "statement_finals_month" CHECK ("statement_finals"."month" ~ '^[0-9]{4}-(0[1-9]|1[0-2])$')
);
--> statement-breakpoint
ALTER TABLE "statement_lines" ADD COLUMN "consumer_name" text;--> statement-breakpoint
ALTER TABLE "statement_lines" ADD COLUMN "producer_name" text;--> statement-breakpoint
ALTER TABLE "statement_finals" ADD CONSTRAINT "statement_finals_account_id_users_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint

-- Of months that were closed before, what the parties are called now.
ALTER TABLE statement_lines DISABLE TRIGGER statement_lines_append_only;--> statement-breakpoint
UPDATE statement_lines l
SET consumer_name = coalesce(consumer.name, consumer.username), producer_name = coalesce(producer.name, producer.username)
FROM subscriptions s
JOIN users consumer ON consumer.id = s.consumer_id
JOIN users producer ON producer.id = s.producer_id
WHERE s.id = l.subscription_id;--> statement-breakpoint
ALTER TABLE statement_lines ENABLE TRIGGER statement_lines_append_only;--> statement-breakpoint

-- What was said to be final stays so.
CREATE OR REPLACE FUNCTION statement_lines_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused; what is wrong is put right in the month that is open', tg_table_name,
    lower(tg_op) USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER statement_finals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_finals
  EXECUTE FUNCTION statement_lines_refuse_change();
