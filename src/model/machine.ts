/**
 * The shape of every state machine: a decision takes what is (config, state), what happened and when, and returns what is then and what to
 * do. Same arguments, same answer, so a machine runs on the real clock and on a simulated one alike.
 */

export interface Step<State, Action> {
  readonly state: State;
  readonly actions: readonly Action[];
}

export interface Machine<Config, State, Event, Action> {
  start(config: Config, nowMs: number): State;
  step(config: Config, state: State, event: Event, nowMs: number): Step<State, Action>;
  /** When to be woken if nothing happens before; undefined: never. */
  deadlineMs(state: State): number | undefined;
}
