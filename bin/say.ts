/**
 * Commands in texts as they work when typed in a shell: Headgate runs from a clone, where `npx` finds it. Texts name them plainly, `headgate runs`, as the
 * runbook and messages of a stage do.
 */
export const asTyped = (text: string): string =>
  text.replaceAll(/(?<!npx )\bheadgate (?=[a-z-])/g, 'npx headgate ');

/** A path as a shell takes it, in a command that people copy: quoted where it has to be, and no option where it begins with a hyphen. */
export function shellWord(path: string): string {
  const word = path.startsWith('-') ? `./${path}` : path;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Messages, progress and notices go to the error stream: the output stays what the command was asked for. */
export const say = (text: string): void => console.error(asTyped(text));
