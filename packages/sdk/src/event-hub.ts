import { createNanoEvents, type Emitter } from 'nanoevents';

type Listeners<Events> = { [Name in keyof Events]: (...args: never[]) => void };

/**
 * Listeners by event name. They are called in order, but after the code that tells: a listener may call back into the
 * client, and one that throws stops nothing but itself.
 */
export class EventHub<Events extends Listeners<Events>> {
  readonly #emitter: Emitter<Events> = createNanoEvents<Events>();

  on<Name extends keyof Events>(name: Name, listener: Events[Name]): () => void {
    return this.#emitter.on(name, listener);
  }

  emit<Name extends keyof Events>(name: Name, ...args: Parameters<Events[Name]>): void {
    queueMicrotask(() => this.#emitter.emit(name, ...args));
  }
}
