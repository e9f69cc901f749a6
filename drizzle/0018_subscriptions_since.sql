ALTER TABLE "subscriptions" ADD COLUMN "since" timestamp with time zone;--> statement-breakpoint
-- Once more step by step, from each that goes on where another one ended to the first of them.
UPDATE "subscriptions" s SET "since" = (
	WITH RECURSIVE chain (since) AS (
		SELECT s.created_at
		UNION
		SELECT former.created_at FROM chain CROSS JOIN LATERAL (
			SELECT earlier.created_at FROM "subscriptions" earlier
			WHERE earlier.consumer_id = s.consumer_id AND earlier.producer_id = s.producer_id AND earlier.ended_at = chain.since
			OFFSET 0
		) former
	)
	SELECT min(since) FROM chain
)
WHERE s.status = 'active' AND EXISTS (
	SELECT FROM "subscriptions" before
	WHERE before.consumer_id = s.consumer_id AND before.producer_id = s.producer_id AND before.ended_at = s.created_at
);--> statement-breakpoint
DROP INDEX "subscriptions_consumer";--> statement-breakpoint
DROP INDEX "subscriptions_ended_at";--> statement-breakpoint
CREATE INDEX "spending_limits_subscription" ON "spending_limits" USING btree ("subscription_id");--> statement-breakpoint
CREATE INDEX "subscriptions_pair" ON "subscriptions" USING btree ("consumer_id","producer_id","id");--> statement-breakpoint
CREATE INDEX "subscriptions_of_consumer" ON "subscriptions" USING btree ("consumer_id","id") WHERE "subscriptions"."status" = 'active';--> statement-breakpoint
CREATE INDEX "subscriptions_of_producer" ON "subscriptions" USING btree ("producer_id","id") WHERE "subscriptions"."status" = 'active';--> statement-breakpoint
CREATE INDEX "subscriptions_on_plan" ON "subscriptions" USING btree ("plan_id","id") WHERE "subscriptions"."status" = 'active';--> statement-breakpoint
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_since" CHECK ("subscriptions"."since" <= "subscriptions"."created_at");