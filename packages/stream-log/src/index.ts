export { openRedis } from './connection.ts';
export { createKeys, type Keys } from './keys.ts';
export { type AccountRights, type Right, RightsStore } from './rights-store.ts';
