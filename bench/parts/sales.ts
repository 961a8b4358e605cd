import { createWriteStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { ROOT } from '../measure.ts';

const DAYS = join(ROOT, '../shared/data/retail/by-day');

/**
 * Real invoice lines of so many megabytes: the 95 days of the "Online Retail" data (12.5 MB) as they are, or every n-th of them where less is
 * asked for. Where more is asked for they come again, with the number of the time before the digits of their invoices, so that their keys differ.
 */
export async function writeSales(file: string, megabytes: number): Promise<void> {
  const days = readdirSync(DAYS)
    .sort()
    .map((name) => join(DAYS, name));
  const all = days.reduce((bytes, day) => bytes + statSync(day).size, 0);
  const step = Math.max(1, Math.floor(all / (megabytes * 1e6)));
  const out = createWriteStream(file);
  for (let turn = 0, written = 0; written < megabytes * 1e6; turn++) {
    for (const [index, day] of days.entries()) {
      if (index % step !== 0 || written >= megabytes * 1e6) continue;
      const [header = '', ...lines] = readFileSync(day, 'utf8').split('\n');
      const text = lines.join('\n');
      const part = turn === 0 ? text : text.replace(/^([AC]?)(?=\d{6},)/gm, `$1${turn}`);
      const whole = written === 0 ? `${header}\n${part}` : part;
      written += Buffer.byteLength(whole);
      if (!out.write(whole)) await new Promise<void>((resolve) => out.once('drain', () => resolve()));
    }
  }
  out.end();
  await finished(out);
}
