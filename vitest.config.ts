import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{apps,packages,testers}/*/src/**/*.test.ts', '{tests,bench}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // One PostgreSQL and one Redis for the whole run; see packages/engines/src/testing.ts.
    globalSetup: ['packages/engines/dist/testing-setup.js'],
    // A worker thread that ends with an open uWebSockets.js app aborts the whole process; a child process does not.
    pool: 'forks',
    maxWorkers: 2,
    // A busy machine only takes longer.
    testTimeout: 90_000,
    hookTimeout: 60_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
