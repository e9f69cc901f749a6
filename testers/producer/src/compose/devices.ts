import type { Device } from '@motience/protocol';
import type { Session } from '@motience/sdk';
import { type ReadonlySignal, signal } from '@preact/signals';

const shownDevices = 200;

/** The producer's own devices, as far as a picker can show them. */
export class Devices {
  readonly #session: Session;
  readonly #list = signal<readonly Device[] | undefined>(undefined);
  readonly #problem = signal<string | undefined>(undefined);
  readonly #isPart = signal(false);

  constructor(session: Session) {
    this.#session = session;
  }

  /** Undefined until they are known. */
  get list(): ReadonlySignal<readonly Device[] | undefined> {
    return this.#list;
  }

  /** Whether there are more than the list holds. */
  get isPart(): ReadonlySignal<boolean> {
    return this.#isPart;
  }

  /** Why they could not be read. */
  get problem(): ReadonlySignal<string | undefined> {
    return this.#problem;
  }

  async load(): Promise<void> {
    this.#problem.value = undefined;
    try {
      const { items, next_cursor } = await this.#session.devices({ limit: shownDevices });
      this.#list.value = items;
      this.#isPart.value = next_cursor !== null;
    } catch (error) {
      this.#problem.value = error instanceof Error ? error.message : String(error);
    }
  }

  /** Rejects with the server's refusal. */
  async add(deviceId: string): Promise<void> {
    const device = await this.#session.addDevice({ device_id: deviceId });
    this.#list.value = [...(this.#list.value ?? []), device];
  }
}
