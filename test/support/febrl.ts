import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SHARED } from './headgate.ts';

const [header = '', ...lines] = readFileSync(join(SHARED, 'data/customers/febrl/dataset1.csv'), 'utf8')
  .trimEnd()
  .split('\n');

/** The 1,000 records of Febrl 1 in the order of the file; lines as they stand there. */
export const febrl = lines.map((line) => {
  const [id = '', first, last, number, street, locality, suburb, postcode, state, born, ssid] = line
    .split(',')
    .map((field) => field.trim());
  return { line, id, first, last, number, street, locality, suburb, postcode, state, born, ssid };
});

type FebrlRecord = (typeof febrl)[number];

/** Records of the same number are the same person: `rec-7-org` and `rec-7-dup-0`. */
export const personOf = (id: string): string => id.replace(/^(rec-\d+)-.*$/, '$1');

/** Every other record to a CSV file of Febrl's own form, the others to nested JSON lines with dates in another form. Which copy of a person goes where is chance. */
export function landFebrl(landing: string, day: string, records: readonly FebrlRecord[]): void {
  const place = (source: string) => {
    mkdirSync(join(landing, 'customers', source, day), { recursive: true });
    return join(landing, 'customers', source, day);
  };
  const even = records.filter((record) => febrl.indexOf(record) % 2 === 0);
  const odd = records.filter((record) => febrl.indexOf(record) % 2 === 1);
  writeFileSync(join(place('crm'), 'crm.csv'), `${[header, ...even.map(({ line }) => line)].join('\n')}\n`);
  writeFileSync(join(place('web'), 'web.jsonl'), `${odd.map(account).join('\n')}\n`);
}

const account = ({
  id,
  first,
  last,
  number,
  street,
  locality,
  suburb,
  postcode,
  state,
  born,
  ssid,
}: FebrlRecord) =>
  JSON.stringify({
    account: id,
    name: { first, last },
    address: { number, street, locality, suburb, postcode, state },
    born: born?.replace(/^(\d{4})(\d\d)(\d\d)$/, '$3.$2.$1'),
    ssid,
  });
