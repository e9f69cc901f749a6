/** One of a machine's events: its type, and what it carries. `Events` maps each type to that. */
export type EventOf<Events, Type extends keyof Events = keyof Events> = { [T in Type]: { type: T } & Events[T] }[Type];

/**
 * What a state machine does, for every phase and every event: a cell that is missing does not compile. `More` is what a
 * handler is given beside the state and the event, such as the time.
 */
export type StateTable<Phase extends string, State, Events, Step, More extends unknown[] = []> = Record<
  Phase,
  { [Type in keyof Events]: (state: State, event: EventOf<Events, Type>, ...more: More) => Step }
>;
