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
}

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
  return { domain, name, ...header, sql: text };
}
