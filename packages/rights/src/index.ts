export { acceptApiKeys, noteKeyUse } from './accept-api-keys.ts';
export { createProjector, type Projector, type ProjectorLogger, type ProjectorOptions } from './projector.ts';
export { isSessionLive } from './read-truth.ts';
export { recordRightChange } from './record-right-change.ts';
