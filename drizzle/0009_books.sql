CREATE TABLE "delivered_time" (
	"subscription_id" bigint NOT NULL,
	"from_at" timestamp with time zone NOT NULL,
	"until_at" timestamp with time zone NOT NULL,
	"in_trial" boolean NOT NULL,
	CONSTRAINT "delivered_time_subscription_id_from_at_pk" PRIMARY KEY("subscription_id","from_at"),
	CONSTRAINT "delivered_time_order" CHECK ("delivered_time"."from_at" < "delivered_time"."until_at")
);
--> statement-breakpoint
CREATE TABLE "payouts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "payouts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"producer_id" bigint NOT NULL,
	"currency" text NOT NULL,
	"amount" bigint NOT NULL,
	"key" text NOT NULL,
	"status" text NOT NULL,
	"note" text,
	"requested_at" timestamp with time zone DEFAULT now() NOT NULL,
	"approved_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "payouts_amount" CHECK ("payouts"."amount" > 0),
	CONSTRAINT "payouts_status" CHECK ("payouts"."status" in ('requested', 'approved', 'paid', 'failed')),
	CONSTRAINT "payouts_ended" CHECK (("payouts"."status" in ('paid', 'failed')) = ("payouts"."ended_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "silence_credits" (
	"subscription_id" bigint NOT NULL,
	"day" date NOT NULL,
	"seconds" bigint NOT NULL,
	"amount" bigint NOT NULL,
	"transaction_id" bigint NOT NULL,
	CONSTRAINT "silence_credits_subscription_id_day_pk" PRIMARY KEY("subscription_id","day"),
	CONSTRAINT "silence_credits_amount" CHECK ("silence_credits"."amount" > 0 and "silence_credits"."seconds" > 0)
);
--> statement-breakpoint
CREATE TABLE "statement_lines" (
	"subscription_id" bigint NOT NULL,
	"month" text NOT NULL,
	"readings" bigint NOT NULL,
	"bytes" bigint NOT NULL,
	"seconds" bigint NOT NULL,
	"trial_readings" bigint NOT NULL,
	"trial_bytes" bigint NOT NULL,
	"trial_seconds" bigint NOT NULL,
	"charged" bigint NOT NULL,
	"fee" bigint NOT NULL,
	CONSTRAINT "statement_lines_subscription_id_month_pk" PRIMARY KEY("subscription_id","month"),
	CONSTRAINT "statement_lines_month" CHECK ("statement_lines"."month" ~ '^[0-9]{4}-(0[1-9]|1[0-2])$')
);
--> statement-breakpoint
CREATE TABLE "subscription_closings" (
	"subscription_id" bigint PRIMARY KEY NOT NULL,
	"closed_through" date NOT NULL
);
--> statement-breakpoint
ALTER TABLE "delivered_time" ADD CONSTRAINT "delivered_time_subscription_id_subscriptions_id_fk" FOREIGN KEY ("subscription_id") REFERENCES "public"."subscriptions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payouts" ADD CONSTRAINT "payouts_producer_id_users_id_fk" FOREIGN KEY ("producer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "silence_credits" ADD CONSTRAINT "silence_credits_subscription_id_subscriptions_id_fk" FOREIGN KEY ("subscription_id") REFERENCES "public"."subscriptions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "silence_credits" ADD CONSTRAINT "silence_credits_transaction_id_ledger_transactions_id_fk" FOREIGN KEY ("transaction_id") REFERENCES "public"."ledger_transactions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "statement_lines" ADD CONSTRAINT "statement_lines_subscription_id_subscriptions_id_fk" FOREIGN KEY ("subscription_id") REFERENCES "public"."subscriptions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscription_closings" ADD CONSTRAINT "subscription_closings_subscription_id_subscriptions_id_fk" FOREIGN KEY ("subscription_id") REFERENCES "public"."subscriptions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "payouts_key" ON "payouts" USING btree ("producer_id","key");--> statement-breakpoint
CREATE INDEX "payouts_producer" ON "payouts" USING btree ("producer_id","id");--> statement-breakpoint
CREATE INDEX "payouts_open" ON "payouts" USING btree ("id") WHERE "payouts"."ended_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "silence_credits_transaction" ON "silence_credits" USING btree ("transaction_id");--> statement-breakpoint

-- What a statement said of a month that is closed is never changed; corrections are postings of a later month.
CREATE FUNCTION statement_lines_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'statement_lines is append-only: % refused; what is wrong is put right in the month that is open', lower(tg_op)
    USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER statement_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_lines
  EXECUTE FUNCTION statement_lines_refuse_change();
