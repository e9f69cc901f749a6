/**
 * Bounds of one flush of a producer gateway, so of one entry of the ingest log and of one published batch: no single
 * command keeps Redis busy for long. The bytes may be exceeded by one reading.
 */
export const maxFlushBytes = 1024 * 1024;
export const maxFlushReadings = 8_192;
/** Lua cannot pass on more values at once. */
export const maxFlushSegments = 1_000;
