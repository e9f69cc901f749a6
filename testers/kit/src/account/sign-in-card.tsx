import { defaultLimits } from '@motience/protocol';
import { useSignal } from '@preact/signals';
import { type FormErrors, formErrors, noErrors } from '../forms/form-errors.ts';
import type { Credentials } from '../page-config.ts';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';
import { Notice } from '../parts/notice.tsx';
import { Segmented } from '../parts/segmented.tsx';
import type { Account } from './account.ts';

interface SignInCardProps {
  account: Account;
  title: string;
  lead: string;
  demo: Credentials | undefined;
  /** What the demo account is, in a sentence. */
  demoLead: string;
}

type Mode = 'sign-in' | 'register';

/** Sign in, register, or take the demo account. */
export function SignInCard({ account, title, lead, demo, demoLead }: SignInCardProps) {
  const mode = useSignal<Mode>('sign-in');
  const busy = useSignal<'form' | 'demo' | undefined>(undefined);
  const errors = useSignal<FormErrors>(noErrors);
  const registering = mode.value === 'register';
  const asksDevice = registering && account.role === 'producer';
  const { state } = account;
  const notice = state.value.phase === 'signed-out' ? state.value.notice : undefined;

  const attempt = async (what: 'form' | 'demo', work: () => Promise<void>) => {
    busy.value = what;
    errors.value = noErrors;
    try {
      await work();
    } catch (error) {
      errors.value = formErrors(error, ['username', 'password', ...(asksDevice ? ['device_id'] : [])]);
      // Once the errors are on the page.
      requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
    } finally {
      busy.value = undefined;
    }
  };

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    const credentials = { username: text('username'), password: String(form.get('password') ?? '') };
    const deviceId = text('device_id');
    void attempt('form', () =>
      registering
        ? account.register({ ...credentials, ...(deviceId === '' ? {} : { device_id: deviceId }) })
        : account.signIn(credentials),
    );
  };

  const chooseMode = (chosen: Mode) => {
    mode.value = chosen;
    errors.value = noErrors;
  };

  return (
    <div class="sign-in">
      <div class="sign-in-intro">
        <h1>{title}</h1>
        <p class="muted">{lead}</p>
      </div>
      {notice === undefined ? null : <Notice tone="warn">{notice}</Notice>}
      {demo === undefined ? null : (
        <section class="card stack" aria-label="Demo account">
          <p class="muted">{demoLead}</p>
          <Button
            tone="primary"
            wide
            busy={busy.value === 'demo'}
            disabled={busy.value !== undefined}
            onClick={() => void attempt('demo', () => account.signIn(demo))}
          >
            Use the demo account
          </Button>
        </section>
      )}
      <section class="card stack" aria-label="Your account">
        <Segmented
          label="Your account"
          options={[
            { value: 'sign-in', label: 'Sign in' },
            { value: 'register', label: 'Register' },
          ]}
          value={mode.value}
          onChange={chooseMode}
        />
        <form class="stack" onSubmit={submit} noValidate>
          <Field
            label="Username"
            name="username"
            autocomplete="username"
            error={errors.value.fields.username}
            hint={registering ? '3 to 64 letters, digits and . _ - @ +' : undefined}
            required
          />
          <Field
            label="Password"
            name="password"
            password
            autocomplete={registering ? 'new-password' : 'current-password'}
            error={errors.value.fields.password}
            hint={registering ? `At least ${defaultLimits.passwordMinLength} characters` : undefined}
            required
          />
          {asksDevice ? (
            <Field
              label="First device"
              name="device_id"
              error={errors.value.fields.device_id}
              hint="Your own name for it, such as rpi_001: letters, digits and . _ : - More can be added later."
            />
          ) : null}
          {errors.value.form === undefined ? null : <Notice tone="bad">{errors.value.form}</Notice>}
          <Button
            type="submit"
            tone={demo === undefined ? 'primary' : 'plain'}
            wide
            busy={busy.value === 'form'}
            disabled={busy.value !== undefined}
          >
            {registering ? `Register as a ${account.role}` : 'Sign in'}
          </Button>
        </form>
      </section>
    </div>
  );
}
