import type { Figures } from './transactions.ts';

export type Parts = Readonly<Record<string, (...args: string[]) => Promise<number | Figures>>>;

/** The program of a part: <part> <arguments> <an empty folder of its own>. Prints what it measured as JSON. */
export async function perform(parts: Parts): Promise<void> {
  const [name = '', ...args] = process.argv.slice(2);
  const found = parts[name];
  if (found === undefined) throw new Error(`no part ${name}; allowed: ${Object.keys(parts).join(', ')}`);
  const measured = await found(...args);
  const figures: Figures = typeof measured === 'number' ? { seconds: measured } : measured;
  const { seconds = 0, ...rest } = figures;
  console.log(
    JSON.stringify({ seconds, figures: rest, peakMegabytes: process.resourceUsage().maxRSS / 1024 }),
  );
}
