export { type Database, migrateDatabase, openDatabase, type Queryable } from './client.ts';
export * from './schema.ts';
