export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Done, but something was quarantined or held: a person should look. */
  attention: 3,
} as const;
