import { Button, Field, type FormErrors, formErrors, Notice, noErrors } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Devices } from './devices.ts';

interface DevicePickerProps {
  devices: Devices;
  chosen: string | undefined;
  onChoose: (deviceId: string) => void;
}

/** Chooses one of the producer's own devices, or adds one. */
export function DevicePicker({ devices, chosen, onChoose }: DevicePickerProps) {
  const adding = useSignal(false);
  const id = useId();
  const list = devices.list.value;
  const known = list?.some(({ device_id }) => device_id === chosen) ?? false;
  if (devices.problem.value !== undefined) {
    return (
      <Notice tone="bad">
        Your devices could not be read: {devices.problem.value}{' '}
        <Button small onClick={() => void devices.load()}>
          Try again
        </Button>
      </Notice>
    );
  }
  if (adding.value || list?.length === 0) {
    return (
      <AddDevice
        devices={devices}
        isFirst={list?.length === 0}
        onDone={(added) => {
          adding.value = false;
          if (added !== undefined) onChoose(added);
        }}
      />
    );
  }
  return (
    <div class="field">
      <label for={id}>Device</label>
      <div class="row">
        <select
          id={id}
          value={known ? chosen : ''}
          disabled={list === undefined}
          onChange={(event) => onChoose(event.currentTarget.value)}
        >
          {known ? null : (
            <option value="" disabled>
              {list === undefined ? 'Loading…' : 'Not one of your devices'}
            </option>
          )}
          {list?.map(({ device_id, name }) => (
            <option key={device_id} value={device_id}>
              {name === null ? device_id : `${device_id} – ${name}`}
            </option>
          ))}
        </select>
        <Button
          onClick={() => {
            adding.value = true;
          }}
        >
          Add device
        </Button>
      </div>
      {devices.isPart.value ? (
        <p class="hint">Only the first of your devices are listed; any can be written below.</p>
      ) : null}
    </div>
  );
}

interface AddDeviceProps {
  devices: Devices;
  isFirst: boolean;
  onDone: (added: string | undefined) => void;
}

function AddDevice({ devices, isFirst, onDone }: AddDeviceProps) {
  const errors = useSignal<FormErrors>(noErrors);
  const busy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!isFirst) form.current?.querySelector('input')?.focus();
  }, [isFirst]);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const deviceId = String(new FormData(event.currentTarget).get('device_id') ?? '').trim();
    busy.value = true;
    try {
      await devices.add(deviceId);
      onDone(deviceId);
    } catch (error) {
      const { fields, form: whole } = formErrors(error, ['device_id']);
      errors.value = { fields: { device_id: fields.device_id ?? whole ?? '' } };
    } finally {
      busy.value = false;
    }
  };

  return (
    <form ref={form} onSubmit={(event) => void submit(event)} noValidate>
      <div class="row row-top">
        <Field
          label={isFirst ? 'Add your first device' : 'New device'}
          name="device_id"
          placeholder="rpi_001"
          hint="1 to 128 letters, digits and . _ : -"
          error={errors.value.fields.device_id}
        />
        <div class="row beside-field">
          <Button type="submit" tone="primary" busy={busy.value} disabled={busy.value}>
            Add
          </Button>
          {isFirst ? null : (
            <Button tone="quiet" onClick={() => onDone(undefined)}>
              Cancel
            </Button>
          )}
        </div>
      </div>
    </form>
  );
}
