/** Something a person should know: what happened, to which file or run, and what to do next. */
export interface Notice {
  readonly kind:
    | 'file.quarantined'
    | 'run.published'
    | 'run.unusual'
    | 'run.held'
    | 'run.failed'
    | 'set.incomplete'
    | 'arrival.missing'
    | 'quality.digest';
  readonly dataset: string;
  readonly title: string;
  readonly facts: Readonly<Record<string, string | number>>;
  /** A command that a person can run next. */
  readonly next?: string;
}

export interface Notifier {
  notify(notice: Notice): Promise<void>;
}
