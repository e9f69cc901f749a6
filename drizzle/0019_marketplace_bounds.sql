CREATE TABLE "platform_downtimes" (
	"from_at" timestamp with time zone PRIMARY KEY NOT NULL,
	"until_at" timestamp with time zone NOT NULL,
	CONSTRAINT "platform_downtimes_order" CHECK ("platform_downtimes"."from_at" < "platform_downtimes"."until_at")
);
--> statement-breakpoint
CREATE TABLE "platform_life" (
	"id" integer PRIMARY KEY DEFAULT 1 NOT NULL,
	"last_seen_at" timestamp with time zone NOT NULL,
	CONSTRAINT "platform_life_one" CHECK ("platform_life"."id" = 1)
);
--> statement-breakpoint
ALTER TABLE "listings" ADD COLUMN "seller" text;--> statement-breakpoint
CREATE INDEX "platform_downtimes_until" ON "platform_downtimes" USING btree ("until_at");--> statement-breakpoint
CREATE INDEX "listing_measures_rate" ON "listing_measures" USING btree (coalesce("rate", -1),"producer_id");--> statement-breakpoint
CREATE INDEX "listing_measures_uptime" ON "listing_measures" USING btree (coalesce("uptime", -1),"producer_id");--> statement-breakpoint
CREATE INDEX "plans_offered" ON "plans" USING btree ("producer_id","id") WHERE "plans"."withdrawn_at" is null;--> statement-breakpoint
CREATE INDEX "plans_price" ON "plans" USING btree ((case "terms"->>'kind' when 'free' then 'free' when 'per-reading' then '1000-readings' when 'per-1000-readings' then '1000-readings' when 'per-megabyte' then 'megabyte' when 'per-time' then 'day' when 'monthly' then 'month' end),coalesce("terms"->>'currency', ''),((-coalesce(case "terms"->>'kind' when 'per-reading' then ("terms"->>'price')::numeric * 1000 when 'per-time' then case "terms"->>'per' when 'hour' then ("terms"->>'price')::numeric * 24 when 'month' then ("terms"->>'price')::numeric / 30 else ("terms"->>'price')::numeric end else ("terms"->>'price')::numeric end, 0))::float8),"producer_id") WHERE "plans"."withdrawn_at" is null;--> statement-breakpoint
CREATE INDEX "subscription_requests_open" ON "subscription_requests" USING btree ("producer_id","id") WHERE "subscription_requests"."status" = 'pending';