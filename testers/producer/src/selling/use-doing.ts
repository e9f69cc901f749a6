import { formErrors } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';

/** One thing at a time that a service is asked to do, and why the last one was refused. */
export function useDoing<What extends string>() {
  const doing = useSignal<What | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const attempt = async (what: What, work: () => Promise<void>) => {
    // The button is not disabled meanwhile: it would lose the focus.
    if (doing.value !== undefined) return;
    doing.value = what;
    problem.value = undefined;
    try {
      await work();
    } catch (error) {
      problem.value = formErrors(error, []).form;
    } finally {
      doing.value = undefined;
    }
  };
  return {
    doing: doing.value,
    problem: problem.value,
    attempt: (what: What, work: () => Promise<void>) => void attempt(what, work),
  };
}
