/** The process that told us to load, as a plan's steps see it. */
export interface Parent {
  /** The measured time begins or ends now. */
  mark(name: 'begin' | 'end'): void;
  /** Resolves once the parent has done what it does between two steps. */
  pause(name: string): Promise<void>;
}
