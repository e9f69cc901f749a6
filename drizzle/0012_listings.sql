CREATE TABLE "listing_measures" (
	"producer_id" bigint PRIMARY KEY NOT NULL,
	"measured_at" timestamp with time zone NOT NULL,
	"figures" jsonb NOT NULL,
	"rate" double precision,
	"uptime" double precision,
	"checked" bigint DEFAULT 0 NOT NULL,
	"fitting" bigint DEFAULT 0 NOT NULL,
	"checked_since" timestamp with time zone,
	"checked_epoch" text,
	"checked_seq" bigint,
	CONSTRAINT "listing_measures_fitting" CHECK ("listing_measures"."fitting" between 0 and "listing_measures"."checked")
);
--> statement-breakpoint
CREATE TABLE "listings" (
	"producer_id" bigint PRIMARY KEY NOT NULL,
	"status" text DEFAULT 'draft' NOT NULL,
	"title" text NOT NULL,
	"description" text NOT NULL,
	"category" text NOT NULL,
	"tags" text[] NOT NULL,
	"licence" text NOT NULL,
	"terms" text,
	"place_name" text,
	"region" text,
	"latitude" double precision,
	"longitude" double precision,
	"approval" text DEFAULT 'open' NOT NULL,
	"dictionary" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"dictionary_changed_at" timestamp with time zone,
	"searchable_fields" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"sample" json,
	"sample_taken_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"published_at" timestamp with time zone,
	"label_words" text NOT NULL,
	"field_words" text DEFAULT '' NOT NULL,
	"search" "tsvector" GENERATED ALWAYS AS (setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', label_words), 'B') || setweight(to_tsvector('english', field_words), 'C') || setweight(to_tsvector('english', description), 'D')) STORED NOT NULL,
	CONSTRAINT "listings_status" CHECK ("listings"."status" in ('draft', 'published', 'paused', 'retired')),
	CONSTRAINT "listings_approval" CHECK ("listings"."approval" in ('open', 'by-producer')),
	CONSTRAINT "listings_published" CHECK ("listings"."status" not in ('published', 'paused') or "listings"."published_at" is not null),
	CONSTRAINT "listings_position" CHECK (("listings"."latitude" is null) = ("listings"."longitude" is null)),
	CONSTRAINT "listings_latitude" CHECK ("listings"."latitude" between -90 and 90),
	CONSTRAINT "listings_longitude" CHECK ("listings"."longitude" between -180 and 180),
	CONSTRAINT "listings_sample" CHECK (("listings"."sample" is null) = ("listings"."sample_taken_at" is null))
);
--> statement-breakpoint
ALTER TABLE "listing_measures" ADD CONSTRAINT "listing_measures_producer_id_listings_producer_id_fk" FOREIGN KEY ("producer_id") REFERENCES "public"."listings"("producer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "listings" ADD CONSTRAINT "listings_producer_id_users_id_fk" FOREIGN KEY ("producer_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "listing_measures_measured" ON "listing_measures" USING btree ("measured_at");--> statement-breakpoint
CREATE INDEX "listings_search" ON "listings" USING gin ("search");--> statement-breakpoint
CREATE INDEX "listings_tags" ON "listings" USING gin ("tags");--> statement-breakpoint
CREATE INDEX "listings_fields" ON "listings" USING gin ("searchable_fields" jsonb_path_ops);--> statement-breakpoint
CREATE INDEX "listings_newest" ON "listings" USING btree ("published_at","producer_id") WHERE "listings"."status" = 'published';--> statement-breakpoint
CREATE INDEX "listings_category" ON "listings" USING btree ("category") WHERE "listings"."status" = 'published';--> statement-breakpoint
CREATE INDEX "listings_place" ON "listings" USING btree ("latitude","longitude") WHERE "listings"."status" = 'published';--> statement-breakpoint
CREATE INDEX "listings_region" ON "listings" USING btree (lower("region")) WHERE "listings"."status" = 'published';