import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { CasePlace } from './support/case-place.ts';
import { type FileRow, headgate, json } from './support/headgate.ts';
import { temporaryFolder } from './support/temporary.ts';

interface Expected {
  /** What a second run makes of the same place once the files of `second/` have landed, or `make.ts` has acted. */
  readonly second?: Expected;
  readonly exitCode: number;
  /** By key. `codes`: reason codes of the file; `checks`: failing rows by check or record code. */
  readonly files?: Readonly<Record<string, ExpectedFile>>;
  /** What the table holds, by a query in Athena's SQL. */
  readonly query?: {
    readonly sql: string;
    readonly rows: readonly Readonly<Record<string, string | null>>[];
  };
  /** Parts of the message for people. */
  readonly says?: readonly string[];
}

interface ExpectedFile {
  readonly status: string;
  readonly counts: readonly [number, number, number, number];
  readonly why: readonly string[];
}

/** `make.ts` of a case whose files are too large or too odd to be kept, or that has two runs. */
interface Maker {
  /** Before the first run. What it answers is called when that has ended. */
  first?(place: CasePlace): (() => void) | undefined;
  /** Before the second run. */
  second?(place: CasePlace): void;
}

const cases = join(import.meta.dirname, 'cases');

/** What comes out depends on neither the zone nor the language of the machine: cases have theirs by their names. In Estonian z stands before t. */
const MACHINES = [
  { TZ: 'Pacific/Auckland', LC_ALL: 'et_EE.UTF-8' },
  { TZ: 'America/New_York', LC_ALL: 'tr_TR.UTF-8' },
  { TZ: 'Asia/Kolkata', LC_ALL: 'C' },
] as const;
type Machine = (typeof MACHINES)[number];

/** A golden folder: a contract, files as they land, and what becomes of them. */
describe('golden cases', () => {
  const homes = temporaryFolder('cases');
  test.each(readdirSync(cases))('%s', async (name) => {
    const folder = join(cases, name);
    const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;
    const machine = MACHINES[name.length % MACHINES.length] ?? MACHINES[0];
    const place = { home: join(homes, name), landing: join(homes, `${name}.landing`) };
    if (existsSync(join(folder, 'landing')))
      cpSync(join(folder, 'landing'), place.landing, { recursive: true });
    else mkdirSync(place.landing);
    const maker = existsSync(join(folder, 'make.ts'))
      ? ((await import(join(folder, 'make.ts'))) as Maker)
      : {};
    const ended = maker.first?.(place);
    await expectRun(folder, place, expected, machine);
    ended?.();
    if (expected.second === undefined) return;
    maker.second?.(place);
    if (existsSync(join(folder, 'second')))
      cpSync(join(folder, 'second'), place.landing, { recursive: true });
    await expectRun(folder, place, expected.second, machine);
  });
});

async function expectRun(
  folder: string,
  { home, landing }: CasePlace,
  expected: Expected,
  machine: Machine,
): Promise<void> {
  const lake = ['--home', home, '--contracts', folder, '--marts', folder];
  const run = await headgate([...lake, 'run', '--json', '--landing', landing], machine);
  expect({ code: run.code, stderr: run.stderr }).toEqual({
    code: expected.exitCode,
    stderr: expect.any(String),
  });
  for (const part of expected.says ?? []) expect(run.stderr).toContain(part);
  if (expected.files !== undefined) expectFiles(json<FileRow[]>(run), expected.files);
  if (expected.query === undefined) return;
  const answer = await headgate([...lake, 'query', expected.query.sql, '--json'], machine);
  expect(json(answer)).toEqual(expected.query.rows);
}

function expectFiles(rows: readonly FileRow[], files: Readonly<Record<string, ExpectedFile>>): void {
  expect(rows.map(({ file }) => file)).toEqual(Object.keys(files).sort());
  for (const row of rows) {
    const file = files[row.file];
    const counts = [row.received, row.published, row.quarantined, row.deduplicated];
    expect({ file: row.file, status: row.status, counts, why: row.why }).toEqual({
      file: row.file,
      status: file?.status,
      counts: file?.counts,
      why: expect.any(String),
    });
    for (const part of file?.why ?? []) expect(row.why).toContain(part);
    const waits = row.status === 'held' || row.status === 'admitted';
    if (!waits) expect(row.received).toBe(row.published + row.quarantined + row.deduplicated);
  }
}
