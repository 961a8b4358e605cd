import { TerminalError } from '../errors.ts';

/** A reporting view: one SELECT in Athena's SQL with a header that says what it answers. */
export interface Mart {
  readonly domain: string;
  readonly name: string;
  readonly purpose: string;
  readonly grain: string;
  readonly parameters: string;
  readonly zone: string;
  readonly sql: string;
  /** Its rows are things to look at, all of them or those of a condition: the daily look counts them for the dataset. */
  readonly findings?: { readonly dataset: string; readonly where?: string };
}

/** A mart whose rows are things to look at. */
export interface MartFindings {
  readonly mart: string;
  readonly dataset: string;
  /** Counts them, in Athena's SQL. */
  readonly sql: string;
}

export const findingsOf = (marts: readonly Mart[]): readonly MartFindings[] =>
  marts.flatMap(({ domain, name, findings }) => {
    if (findings === undefined) return [];
    const { dataset, where } = findings;
    const condition = where === undefined ? '' : ` WHERE ${where}`;
    return [
      {
        mart: `${domain}_marts.${name}`,
        dataset,
        sql: `SELECT count(*) AS n FROM ${domain}_marts.${name}${condition}`,
      },
    ];
  });

const HEADER = ['purpose', 'grain', 'parameters', 'zone'] as const;

/** @throws TerminalError for a file elsewhere than `<domain>/<mart>.sql` or without a line of the header */
export function parseMart(file: string, text: string): Mart {
  const [, domain, name] = /(?:^|\/)([a-z0-9_]+)\/([a-z0-9_]+)\.sql$/.exec(file) ?? [];
  if (domain === undefined || name === undefined) {
    throw new TerminalError(`${file} is no mart; allowed: <domain>/<mart>.sql`, {
      fault: 'contract',
      facts: { file },
    });
  }
  const line = (key: (typeof HEADER)[number]): string => {
    const value = new RegExp(`^-- ${key}: (.+)$`, 'm').exec(text)?.[1];
    if (value !== undefined) return value;
    throw new TerminalError(`${file} lacks the header line "-- ${key}: ..."`, {
      fault: 'contract',
      facts: { file },
    });
  };
  const header = {
    purpose: line('purpose'),
    grain: line('grain'),
    parameters: line('parameters'),
    zone: line('zone'),
  };
  const findings = findingsIn(file, text);
  return { domain, name, ...header, sql: text, ...(findings === undefined ? {} : { findings }) };
}

/** `-- findings: <dataset>`, or `-- findings: <dataset> where <condition>`. @throws TerminalError for another text */
function findingsIn(file: string, text: string): Mart['findings'] {
  const line = /^-- findings: (.+)$/m.exec(text)?.[1];
  if (line === undefined) return undefined;
  const [, dataset, where] = /^([a-z0-9_]+\/[a-z0-9_]+)(?: where (.+))?$/.exec(line.trim()) ?? [];
  if (dataset !== undefined) return { dataset, ...(where === undefined ? {} : { where }) };
  throw new TerminalError(
    `${file} says "-- findings: ${line}"; allowed: <domain>/<name>, or <domain>/<name> where <condition>`,
    { fault: 'contract', facts: { file } },
  );
}
