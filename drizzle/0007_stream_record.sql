CREATE TABLE "stream_devices" (
	"producer_id" bigint NOT NULL,
	"device_id" text NOT NULL,
	"first_received_at" timestamp with time zone NOT NULL,
	"last_received_at" timestamp with time zone NOT NULL,
	CONSTRAINT "stream_devices_producer_id_device_id_pk" PRIMARY KEY("producer_id","device_id")
);
--> statement-breakpoint
CREATE TABLE "stream_minutes" (
	"producer_id" bigint NOT NULL,
	"minute" timestamp with time zone NOT NULL,
	"readings" bigint NOT NULL,
	"bytes" bigint NOT NULL,
	"first_received_at" timestamp with time zone NOT NULL,
	"last_received_at" timestamp with time zone NOT NULL,
	"heard_seconds" bigint NOT NULL,
	"latency_checked" integer NOT NULL,
	"latency_readings" integer NOT NULL,
	"latency_sum_ms" bigint NOT NULL,
	"latency_max_ms" integer NOT NULL,
	CONSTRAINT "stream_minutes_producer_id_minute_pk" PRIMARY KEY("producer_id","minute"),
	CONSTRAINT "stream_minutes_heard" CHECK ("stream_minutes"."heard_seconds" > 0 and "stream_minutes"."heard_seconds" < 1152921504606846976)
);
--> statement-breakpoint
CREATE INDEX "stream_devices_received" ON "stream_devices" USING brin ("last_received_at");--> statement-breakpoint
CREATE INDEX "stream_minutes_minute" ON "stream_minutes" USING brin ("minute");