import type { Session } from '@motience/sdk';
import { Card, ConnectionCard, type PageConfig } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { DevicePicker } from './compose/device-picker.tsx';
import { Devices } from './compose/devices.ts';
import { ReadingEditor } from './compose/reading-editor.tsx';
import { checkText, exampleReading, prepareReadings, replaceDevice } from './compose/reading-text.ts';
import { SellCard } from './selling/sell-card.tsx';
import { Repetition } from './sending/repetition.ts';
import { SendControls } from './sending/send-controls.tsx';
import type { Sending } from './sending/sending.ts';
import { SendingFigures } from './sending/sending-figures.tsx';
import { SentList } from './sending/sent-list.tsx';

interface WorkbenchProps {
  config: PageConfig;
  session: Session;
  sending: Sending;
}

/** Compose a reading, send it, see what comes back. */
export function Workbench({ config, session, sending }: WorkbenchProps) {
  const devices = useMemo(() => new Devices(session), [session]);
  const repetition = useMemo(() => new Repetition(), []);
  const firstDevice = session.user.device_id ?? 'rpi_001';
  const text = useSignal(exampleReading(firstDevice, new Date()));
  const stampNow = useSignal(true);
  const varyNumbers = useSignal(false);

  useEffect(() => {
    void devices.load().then(() => {
      const list = devices.list.value ?? [];
      const [first] = list;
      if (first && !list.some(({ device_id }) => device_id === firstDevice)) {
        text.value = replaceDevice(text.value, first.device_id);
      }
    });
    return () => repetition.stop();
  }, [devices, repetition, text, firstDevice]);

  const checked = checkText(text.value);
  const own = new Set(devices.list.value?.map(({ device_id }) => device_id));
  const named = checked.ok ? [...new Set(checked.readings.map(({ deviceId }) => deviceId))] : [];
  const isListComplete = devices.list.value !== undefined && !devices.isPart.value;
  const canSend = checked.ok && sending.isConnected.value;

  /** Reads the editor again each time, so that a repetition follows what is typed; what is not valid is not sent. */
  const send = async (copies: number) => {
    const now = checkText(text.value);
    if (!now.ok || !sending.isConnected.value) return;
    const variation = { stampNow: stampNow.value, varyNumbers: varyNumbers.value };
    const texts = Array.from({ length: copies }, () =>
      prepareReadings(now.readings, variation, new Date(), Math.random),
    ).flat();
    await sending.send(now.readings[0]?.deviceId ?? '', texts);
  };

  return (
    <div class="workbench">
      <h1 class="visually-hidden">Send readings</h1>
      <div>
        <Card title="Compose">
          <div class="stack">
            <DevicePicker
              devices={devices}
              chosen={named.length === 1 ? named[0] : undefined}
              onChoose={(deviceId) => {
                text.value = replaceDevice(text.value, deviceId);
              }}
            />
            <ReadingEditor
              text={text.value}
              checked={checked}
              unknownDevices={isListComplete ? named.filter((name) => !own.has(name)) : []}
              onText={(changed) => {
                text.value = changed;
              }}
            />
            <div>
              <label class="check">
                <input
                  type="checkbox"
                  checked={stampNow.value}
                  onChange={(event) => {
                    stampNow.value = event.currentTarget.checked;
                  }}
                />
                Stamp each reading with the time it is sent
              </label>
              <label class="check">
                <input
                  type="checkbox"
                  checked={varyNumbers.value}
                  onChange={(event) => {
                    varyNumbers.value = event.currentTarget.checked;
                  }}
                />
                Vary the numbers in data by up to 5 %
              </label>
            </div>
            <SendControls
              canSend={canSend}
              repetition={repetition}
              onSend={() => void send(1)}
              onRepeat={(everyMs) => repetition.start(everyMs, () => send(1))}
              onBurst={(count) => void send(count)}
            />
          </div>
        </Card>
      </div>
      <div class="stack answers">
        <SendingFigures sending={sending} />
        <SentList sending={sending} />
      </div>
      <ConnectionCard
        watch={sending.watch}
        address={config.producer_gateway_url}
        onConnect={() => sending.connect()}
        onDisconnect={() => void sending.disconnect()}
      />
      <SellCard config={config} session={session} />
    </div>
  );
}
