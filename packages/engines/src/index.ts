export { terminalConfirm } from './confirm.ts';
export { folderUser } from './folder-lock.ts';
export { RedisMissing } from './install-redis.ts';
export { readOrCreateSecret } from './secret-file.ts';
export { type EngineOptions, type Engines, startEngines } from './start-engines.ts';
