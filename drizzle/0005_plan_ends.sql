ALTER TABLE "plans" ADD COLUMN "closed_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "plans_ending" ON "plans" USING btree ("ends_at") WHERE "plans"."closed_at" is null and "plans"."ends_at" is not null;--> statement-breakpoint
ALTER TABLE "plans" ADD CONSTRAINT "plans_closed" CHECK ("plans"."closed_at" >= "plans"."ends_at");--> statement-breakpoint

-- What was agreed on is never edited, by hand neither: a plan is only withdrawn, succeeded and closed.
CREATE FUNCTION plans_refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'plan % is never edited; withdraw it, or have another one succeed it', old.id
    USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER plans_never_edited BEFORE UPDATE ON plans
  FOR EACH ROW WHEN (
    (new.producer_id, new.name, new.terms, new.max_silence_seconds, new.created_at)
      IS DISTINCT FROM (old.producer_id, old.name, old.terms, old.max_silence_seconds, old.created_at)
    OR (old.withdrawn_at IS NOT NULL AND (new.withdrawn_at, new.ends_at, new.succeeded_by)
      IS DISTINCT FROM (old.withdrawn_at, old.ends_at, old.succeeded_by))
  ) EXECUTE FUNCTION plans_refuse_edit();
