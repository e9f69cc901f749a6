CREATE TABLE "plans" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "plans_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"producer_id" bigint NOT NULL,
	"name" text NOT NULL,
	"terms" jsonb NOT NULL,
	"max_silence_seconds" integer,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"withdrawn_at" timestamp with time zone,
	"ends_at" timestamp with time zone,
	"succeeded_by" bigint,
	CONSTRAINT "plans_silence" CHECK ("plans"."max_silence_seconds" > 0),
	CONSTRAINT "plans_withdrawn" CHECK (("plans"."withdrawn_at" is null) = ("plans"."ends_at" is null)),
	CONSTRAINT "plans_succeeded" CHECK ("plans"."succeeded_by" is null or "plans"."withdrawn_at" is not null)
);
--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "plan_id" bigint;--> statement-breakpoint
ALTER TABLE "plans" ADD CONSTRAINT "plans_producer_id_users_id_fk" FOREIGN KEY ("producer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "plans" ADD CONSTRAINT "plans_succeeded_by_plans_id_fk" FOREIGN KEY ("succeeded_by") REFERENCES "public"."plans"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "plans_producer" ON "plans" USING btree ("producer_id","id");--> statement-breakpoint
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_plan_id_plans_id_fk" FOREIGN KEY ("plan_id") REFERENCES "public"."plans"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "subscriptions_plan" ON "subscriptions" USING btree ("plan_id");