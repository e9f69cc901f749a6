/** What work comes to, or what `late` answers or throws once it took longer than `milliseconds`; the work goes on. */
export async function orLate<Value>(work: Promise<Value>, milliseconds: number, late: () => Value): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    return await Promise.race([work, deadline.then(late)]);
  } finally {
    clearTimeout(timer);
  }
}
