/** Names of the steps of a path: `/` separates them, `~1` is a `/` inside a name and `~0` a `~` (RFC 6901, without the leading `/`). */
export const steps = (path: string): readonly string[] =>
  path
    .split('/')
    .map((step) => (step.includes('~') ? step.replaceAll('~1', '/').replaceAll('~0', '~') : step));

export const escaped = (step: string): string =>
  step.includes('/') || step.includes('~') ? step.replaceAll('~', '~0').replaceAll('/', '~1') : step;

export const joined = (path: readonly string[]): string => path.map(escaped).join('/');
