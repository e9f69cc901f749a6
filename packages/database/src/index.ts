export { type Database, migrateDatabase, openDatabase, type Queryable } from './client.ts';
export { postgresReadiness } from './postgres-readiness.ts';
export * from './schema.ts';
