ALTER TABLE "silence_credits" DROP CONSTRAINT "silence_credits_amount";--> statement-breakpoint
ALTER TABLE "silence_credits" ALTER COLUMN "transaction_id" DROP NOT NULL;--> statement-breakpoint
CREATE INDEX "ledger_transactions_posted" ON "ledger_transactions" USING brin ("posted_at");--> statement-breakpoint
ALTER TABLE "silence_credits" ADD CONSTRAINT "silence_credits_posted" CHECK ("silence_credits"."seconds" > 0 and "silence_credits"."amount" >= 0 and ("silence_credits"."amount" = 0) = ("silence_credits"."transaction_id" is null));