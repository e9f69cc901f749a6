import { z } from 'zod';

const credentialsSchema = z.object({ username: z.string(), password: z.string() });

/** What a page reads from `/config.json` of its own origin. */
const pageConfigSchema = z.object({
  auth_url: z.url(),
  subscription_url: z.url(),
  stream_url: z.url(),
  billing_url: z.url(),
  producer_gateway_url: z.url(),
  consumer_gateway_url: z.url(),
  /** Accounts of the demo, where there is one. */
  demo: z.object({ producer: credentialsSchema.optional(), consumer: credentialsSchema.optional() }).optional(),
});
export type PageConfig = z.infer<typeof pageConfigSchema>;
export type Credentials = z.infer<typeof credentialsSchema>;

/** Where the platform's services are. Throws with words for people. */
export async function loadPageConfig(): Promise<PageConfig> {
  const response = await fetch('/config.json', { cache: 'no-store' }).catch(() => undefined);
  if (!response?.ok) throw new Error('This page could not learn where the platform is: /config.json did not come.');
  const parsed = pageConfigSchema.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success)
    throw new Error('This page could not learn where the platform is: /config.json is not as expected.');
  return parsed.data;
}
