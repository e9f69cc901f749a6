import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: [
    './packages/database/src/schema.ts',
    './packages/database/src/ledger-schema.ts',
    './packages/database/src/billing-schema.ts',
  ],
  out: './drizzle',
});
