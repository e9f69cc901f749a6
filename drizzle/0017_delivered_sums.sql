CREATE TABLE "delivered_sums" (
	"consumer_id" bigint NOT NULL,
	"producer_id" bigint NOT NULL,
	"epoch" text NOT NULL,
	"subscription_id" bigint NOT NULL,
	"day" date NOT NULL,
	"first_seq" bigint NOT NULL,
	"last_seq" bigint NOT NULL,
	"bytes_before" bigint NOT NULL,
	"bytes_through" bigint NOT NULL,
	"intervals" bigint NOT NULL,
	"readings" bigint NOT NULL,
	"bytes" bigint NOT NULL,
	CONSTRAINT "delivered_sums_subscription_id_day_epoch_pk" PRIMARY KEY("subscription_id","day","epoch"),
	CONSTRAINT "delivered_sums_readings" CHECK ("delivered_sums"."readings" between 1 and "delivered_sums"."last_seq" - "delivered_sums"."first_seq" + 1),
	CONSTRAINT "delivered_sums_intervals" CHECK ("delivered_sums"."intervals" between 1 and "delivered_sums"."readings"),
	CONSTRAINT "delivered_sums_bytes" CHECK ("delivered_sums"."bytes" >= 0)
);
--> statement-breakpoint
ALTER TABLE "delivered_sums" ADD CONSTRAINT "delivered_sums_consumer_id_users_id_fk" FOREIGN KEY ("consumer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivered_sums" ADD CONSTRAINT "delivered_sums_producer_id_users_id_fk" FOREIGN KEY ("producer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivered_sums" ADD CONSTRAINT "delivered_sums_subscription_id_subscriptions_id_fk" FOREIGN KEY ("subscription_id") REFERENCES "public"."subscriptions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "delivered_sums_place" ON "delivered_sums" USING btree ("consumer_id","producer_id","epoch","last_seq");