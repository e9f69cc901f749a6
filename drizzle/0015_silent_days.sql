ALTER TABLE "silence_credits" DROP CONSTRAINT "silence_credits_posted";--> statement-breakpoint
ALTER TABLE "subscription_closings" ADD COLUMN "unheard_through" date;--> statement-breakpoint
ALTER TABLE "silence_credits" ADD CONSTRAINT "silence_credits_posted" CHECK (least("silence_credits"."seconds", "silence_credits"."amount") >= 0 and greatest("silence_credits"."seconds", "silence_credits"."amount") > 0
        and ("silence_credits"."amount" = 0) = ("silence_credits"."transaction_id" is null));