export { type GuardedEngines, guardEngines } from './guarded-engines.ts';
export { readOrCreateSecret } from './secret-file.ts';
