/** Loaded into a process that does not watch its parent by itself: ends it in its own way when the parent is gone. */
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
