CREATE SEQUENCE "public"."settlement_turns" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "delivered_intervals" (
	"consumer_id" bigint NOT NULL,
	"producer_id" bigint NOT NULL,
	"epoch" text NOT NULL,
	"first_seq" bigint NOT NULL,
	"last_seq" bigint NOT NULL,
	"bytes_before" bigint NOT NULL,
	"bytes_through" bigint NOT NULL,
	"subscription_id" bigint NOT NULL,
	"day" date NOT NULL,
	CONSTRAINT "delivered_intervals_consumer_id_producer_id_epoch_first_seq_pk" PRIMARY KEY("consumer_id","producer_id","epoch","first_seq"),
	CONSTRAINT "delivered_intervals_order" CHECK ("delivered_intervals"."first_seq" between 1 and "delivered_intervals"."last_seq"),
	CONSTRAINT "delivered_intervals_bytes" CHECK ("delivered_intervals"."bytes_before" between 0 and "delivered_intervals"."bytes_through")
);
--> statement-breakpoint
CREATE TABLE "payment_events" (
	"provider" text NOT NULL,
	"event_id" text NOT NULL,
	"kind" text NOT NULL,
	"payment" text,
	"content" text NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"handled_at" timestamp with time zone,
	CONSTRAINT "payment_events_provider_event_id_pk" PRIMARY KEY("provider","event_id")
);
--> statement-breakpoint
CREATE TABLE "spending_limits" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "spending_limits_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"consumer_id" bigint NOT NULL,
	"currency" text NOT NULL,
	"subscription_id" bigint,
	"period" text NOT NULL,
	"amount" bigint NOT NULL,
	CONSTRAINT "spending_limits_period" CHECK ("spending_limits"."period" in ('day', 'month')),
	CONSTRAINT "spending_limits_amount" CHECK ("spending_limits"."amount" >= 0)
);
--> statement-breakpoint
CREATE TABLE "subscription_days" (
	"subscription_id" bigint NOT NULL,
	"day" date NOT NULL,
	"readings" bigint DEFAULT 0 NOT NULL,
	"bytes" bigint DEFAULT 0 NOT NULL,
	"seconds" bigint DEFAULT 0 NOT NULL,
	"trial_readings" bigint DEFAULT 0 NOT NULL,
	"trial_bytes" bigint DEFAULT 0 NOT NULL,
	"trial_seconds" bigint DEFAULT 0 NOT NULL,
	"charged" bigint DEFAULT 0 NOT NULL,
	"fee" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "subscription_days_subscription_id_day_pk" PRIMARY KEY("subscription_id","day"),
	CONSTRAINT "subscription_days_fee" CHECK ("subscription_days"."fee" between 0 and "subscription_days"."charged")
);
--> statement-breakpoint
CREATE TABLE "subscription_meters" (
	"subscription_id" bigint PRIMARY KEY NOT NULL,
	"consumer_id" bigint NOT NULL,
	"producer_id" bigint NOT NULL,
	"fee_ppm" integer NOT NULL,
	"state" text NOT NULL,
	"reason" text,
	"settled_at" timestamp with time zone NOT NULL,
	"accrued_until" timestamp with time zone,
	"paid_until" timestamp with time zone,
	"rate" bigint DEFAULT 0 NOT NULL,
	"funds" bigint DEFAULT 0 NOT NULL,
	"funds_peak" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "subscription_meters_state" CHECK ("subscription_meters"."state" in ('idle', 'open', 'stopped')),
	CONSTRAINT "subscription_meters_reason" CHECK (("subscription_meters"."state" = 'stopped') = ("subscription_meters"."reason" is not null)),
	CONSTRAINT "subscription_meters_time" CHECK (("subscription_meters"."accrued_until" is null) = ("subscription_meters"."paid_until" is null))
);
--> statement-breakpoint
CREATE TABLE "top_ups" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "top_ups_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"account_id" bigint NOT NULL,
	"currency" text NOT NULL,
	"amount" bigint NOT NULL,
	"provider" text NOT NULL,
	"status" text NOT NULL,
	"requested_by" bigint NOT NULL,
	"key" text NOT NULL,
	"reference" text,
	"payment" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"paid_at" timestamp with time zone,
	"transaction_id" bigint,
	CONSTRAINT "top_ups_amount" CHECK ("top_ups"."amount" > 0),
	CONSTRAINT "top_ups_paid" CHECK (("top_ups"."status" = 'paid') = ("top_ups"."transaction_id" is not null))
);
--> statement-breakpoint
CREATE TABLE "trials" (
	"consumer_id" bigint NOT NULL,
	"producer_id" bigint NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"readings" bigint DEFAULT 0 NOT NULL,
	"bytes" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "trials_consumer_id_producer_id_pk" PRIMARY KEY("consumer_id","producer_id")
);
--> statement-breakpoint
ALTER TABLE "delivered_intervals" ADD CONSTRAINT "delivered_intervals_consumer_id_users_id_fk" FOREIGN KEY ("consumer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivered_intervals" ADD CONSTRAINT "delivered_intervals_producer_id_users_id_fk" FOREIGN KEY ("producer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivered_intervals" ADD CONSTRAINT "delivered_intervals_subscription_id_subscriptions_id_fk" FOREIGN KEY ("subscription_id") REFERENCES "public"."subscriptions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "spending_limits" ADD CONSTRAINT "spending_limits_consumer_id_users_id_fk" FOREIGN KEY ("consumer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "spending_limits" ADD CONSTRAINT "spending_limits_subscription_id_subscriptions_id_fk" FOREIGN KEY ("subscription_id") REFERENCES "public"."subscriptions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscription_days" ADD CONSTRAINT "subscription_days_subscription_id_subscriptions_id_fk" FOREIGN KEY ("subscription_id") REFERENCES "public"."subscriptions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscription_meters" ADD CONSTRAINT "subscription_meters_subscription_id_subscriptions_id_fk" FOREIGN KEY ("subscription_id") REFERENCES "public"."subscriptions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscription_meters" ADD CONSTRAINT "subscription_meters_consumer_id_users_id_fk" FOREIGN KEY ("consumer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscription_meters" ADD CONSTRAINT "subscription_meters_producer_id_users_id_fk" FOREIGN KEY ("producer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "top_ups" ADD CONSTRAINT "top_ups_account_id_users_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "top_ups" ADD CONSTRAINT "top_ups_requested_by_users_id_fk" FOREIGN KEY ("requested_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "top_ups" ADD CONSTRAINT "top_ups_transaction_id_ledger_transactions_id_fk" FOREIGN KEY ("transaction_id") REFERENCES "public"."ledger_transactions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trials" ADD CONSTRAINT "trials_consumer_id_users_id_fk" FOREIGN KEY ("consumer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trials" ADD CONSTRAINT "trials_producer_id_users_id_fk" FOREIGN KEY ("producer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "delivered_intervals_subscription" ON "delivered_intervals" USING btree ("subscription_id","day");--> statement-breakpoint
CREATE INDEX "payment_events_waiting" ON "payment_events" USING btree ("provider","payment") WHERE "payment_events"."handled_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "spending_limits_one" ON "spending_limits" USING btree ("consumer_id","currency",coalesce("subscription_id", 0),"period");--> statement-breakpoint
CREATE INDEX "subscription_meters_active" ON "subscription_meters" USING btree ("subscription_id") WHERE "subscription_meters"."state" <> 'idle';--> statement-breakpoint
CREATE INDEX "subscription_meters_consumer" ON "subscription_meters" USING btree ("consumer_id");--> statement-breakpoint
CREATE UNIQUE INDEX "top_ups_key" ON "top_ups" USING btree ("requested_by","provider","key");--> statement-breakpoint
CREATE INDEX "top_ups_account" ON "top_ups" USING btree ("account_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "top_ups_payment" ON "top_ups" USING btree ("provider","payment");