import { z } from 'zod';

/** What a scenario gave, as it is kept in `bench/results/<scenario>.json` for the page to be made of. */
export const outcomeSchema = z.object({
  scenario: z.string(),
  /** When it was measured, and what was installed and running then. */
  at: z.string(),
  command: z.string(),
  commit: z.string(),
  machine: z.array(z.tuple([z.string(), z.string()])),
  /** One-minute load average of the machine before the first run; the bench itself was not running yet. */
  loadBefore: z.number(),
  runs: z.number(),
  targets: z.array(
    z.object({
      name: z.string(),
      /** By the figure's key, a value per run. */
      values: z.record(z.string(), z.array(z.number())),
      lost: z.number(),
      troubles: z.array(z.string()),
      notes: z.array(z.string()),
      /** Median cores that each part was busy on. */
      cores: z.record(z.string(), z.number()),
    }),
  ),
});
export type Outcome = z.infer<typeof outcomeSchema>;
export type TargetOutcome = Outcome['targets'][number];
