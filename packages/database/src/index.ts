export * from './billing-schema.ts';
export * from './books-schema.ts';
export { type Database, migrateDatabase, openDatabase, type Queryable } from './client.ts';
export * from './ledger-schema.ts';
export * from './listing-schema.ts';
export { postgresReadiness } from './postgres-readiness.ts';
export * from './schema.ts';
export * from './stream-record-schema.ts';
export { readSilences, type Silence, silencesOf } from './stream-silences.ts';
