/**
 * Does `work` every `intervalMs`, once at a time, until the function it returns is called; that resolves when nothing runs
 * any more. `work` is told whether it is to stop, and an error of it goes to `onError`.
 */
export function repeat(
  intervalMs: number,
  work: (isStopped: () => boolean) => Promise<void>,
  onError: (error: unknown) => void,
): () => Promise<void> {
  let stopped = false;
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work(() => stopped)
      .catch(onError)
      .finally(() => {
        running = undefined;
      });
  }, intervalMs);
  return async () => {
    stopped = true;
    clearInterval(timer);
    await running;
  };
}
