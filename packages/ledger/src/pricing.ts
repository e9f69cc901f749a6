/** Everything about money that is arithmetic: no database, so pages and other services can use it too. */
export * from './charge.ts';
export * from './money.ts';
export * from './month.ts';
export * from './plan.ts';
export * from './use.ts';
