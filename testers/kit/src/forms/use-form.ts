import { useSignal } from '@preact/signals';
import { type FormErrors, formErrors, noErrors } from './form-errors.ts';

/**
 * Sends what a form holds. A refusal is put next to the fields it is about, which are named as the service names them,
 * and the first of them gets the focus.
 */
export function useForm(send: (text: (name: string) => string) => Promise<void>) {
  const errors = useSignal<FormErrors>(noErrors);
  const busy = useSignal(false);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement) || busy.value) return;
    const data = new FormData(form);
    busy.value = true;
    try {
      await send((name) => String(data.get(name) ?? '').trim());
      errors.value = noErrors;
    } catch (error) {
      errors.value = formErrors(error, [...data.keys()]);
      // Once the errors are on the page.
      requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
    } finally {
      busy.value = false;
    }
  };

  return { errors: errors.value, isBusy: busy.value, onSubmit: (event: SubmitEvent) => void submit(event) };
}
