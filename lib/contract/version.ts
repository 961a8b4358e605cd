import { TerminalError } from '../errors.ts';

/** `1`, `1.2` and `1.2.3` as three numbers. */
export type Version = readonly [major: number, minor: number, patch: number];
export type Bump = 'none' | 'patch' | 'minor' | 'major';

/** @throws TerminalError for a text that is no semantic version (https://semver.org) */
export function versionOf(text: string, file: string): Version {
  const [, major, minor = '0', patch = '0'] = /^v?(\d+)(?:[.](\d+))?(?:[.](\d+))?$/.exec(text) ?? [];
  if (major === undefined)
    throw new TerminalError(
      `${file}: version ${JSON.stringify(text)} can't be compared; allowed: major.minor.patch such as 1.4.0`,
      { fault: 'contract', facts: { file, version: text } },
    );
  return [Number(major), Number(minor), Number(patch)];
}

/** The next version. Below 1.0.0 nothing is stable yet: a breaking change moves the second number, all else the third. */
export function bumped([major, minor, patch]: Version, bump: Bump): Version {
  switch (bump) {
    case 'none':
      return [major, minor, patch];
    case 'patch':
      return [major, minor, patch + 1];
    case 'minor':
      return major === 0 ? [0, minor, patch + 1] : [major, minor + 1, 0];
    case 'major':
      return major === 0 ? [0, minor + 1, 0] : [major + 1, 0, 0];
  }
}

/** Whether `after` is at least the version that the bump asks for. */
export function isBumped(before: Version, after: Version, bump: Bump): boolean {
  const least = bumped(before, bump);
  const at = least.findIndex((number, index) => number !== after[index]);
  return at === -1 || (after[at] ?? 0) > (least[at] ?? 0);
}
