// Readers of lib/formats against the bare library that does nothing but read, interleaved; and memory from a small file to a large one.
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import avsc from 'avsc';
import { SaxesParser } from 'saxes';
import { openPromise } from 'yauzl';
import type { FileFormat } from '../lib/contract/dataset.ts';
import { normalise } from '../lib/formats/normalise.ts';
import type { RandomAccess } from '../lib/formats/parquet-profile.ts';
import { profileFile } from '../lib/formats/profile.ts';
import { type Measured, median, run, times, WORK } from './measure.ts';
import { writeZip } from './zip-writer.ts';

const nesting = { paths: ['address/city'] };
const FORMATS: Readonly<Record<string, FileFormat>> = {
  avro: { kind: 'avro', nesting },
  jsonl: { kind: 'jsonl', nesting },
  xml: { kind: 'xml', record: 'rows/row', nesting, namespaces: {}, objects: [], lists: ['tags'] },
  xlsx: { kind: 'xlsx', sheet: 1, headerRow: 1, dates: ['day'], timestamps: [] },
};

interface Row {
  readonly id: number;
  readonly name: string | null;
  readonly amount: string;
  readonly day: number;
  readonly city: string;
  readonly note: string;
}

const row = (id: number): Row => ({
  id,
  name: id % 9 === 0 ? null : `name ${(id * 7919) % 100_003}`,
  amount: `${(id * 104_729) % 1_000_000}.${String(id % 100).padStart(2, '0')}`,
  day: 40_000 + (id % 9000),
  city: `city ${id % 977}`,
  note: `some text that is a bit longer, with a comma and "quotes" ${(id * 2_654_435_761) % 4_294_967_296}`,
});

/** Enough parts until the file has its size. */
function* until(bytes: number, part: (id: number) => string): Generator<string> {
  for (let id = 0, length = 0; length < bytes; ) {
    let text = '';
    for (let count = 0; count < 500; count++) text += part(id++);
    length += text.length;
    yield text;
  }
}

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const iso = (day: number) => new Date((day - 25_569) * 86_400_000).toISOString().slice(0, 10);

const asJson = (id: number): string => {
  const { name, amount, day, city, note } = row(id);
  return `{"id":${id},"name":${JSON.stringify(name)},"amount":${amount},"day":"${iso(day)}","active":true,"address":{"city":"${city}"},"tags":["a","b"],"note":${JSON.stringify(note)}}\n`;
};

const asXml = (id: number): string => {
  const { name, amount, day, city, note } = row(id);
  return `<row id="${id}"><name>${name ?? ''}</name><amount currency="EUR">${amount}</amount><day>${iso(day)}</day><active>true</active><address><city>${city}</city></address><tags>a</tags><tags>b</tags><note>${escape(note)}</note></row>\n`;
};

const asCells = (id: number): string => {
  const { name, amount, day, note } = row(id);
  const cells = Array.from(
    { length: Math.ceil(EXTRA_COLUMNS) },
    (_, index) =>
      `<c t="inlineStr"><is><t>${((id + 1) * (index + 7) * 2_654_435_761) % 4_294_967_296}${note.slice(-6)}</t></is></c>`,
  );
  return `<row r="${id + 2}"><c r="A${id + 2}"><v>${id}</v></c><c t="s"><v>${id % 50_000}</v></c><c><v>${amount}</v></c><c s="1"><v>${day}</v></c><c t="inlineStr"><is><t>${name ?? ''}</t></is></c>${cells.join('')}</row>`;
};
/** A sheet has at most 1,048,576 rows, so a large one is wide. */
const EXTRA_COLUMNS = 20;
/** Of the sheet's text to the archive's bytes, as measured. */
const PACKED = 5.6;

const SCHEMA = {
  type: 'record',
  name: 'row',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'name', type: ['null', 'string'] },
    { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 } },
    { name: 'day', type: { type: 'int', logicalType: 'date' } },
    { name: 'active', type: 'boolean' },
    {
      name: 'address',
      type: { type: 'record', name: 'address', fields: [{ name: 'city', type: 'string' }] },
    },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'note', type: 'string' },
  ],
} as const;

async function generate(format: string, file: string, bytes: number): Promise<void> {
  if (format === 'avro') return generateAvro(file, bytes);
  if (format === 'xlsx') return generateXlsx(file, bytes);
  const out = createWriteStream(file);
  const write = async (text: string) => {
    if (!out.write(text)) await new Promise<void>((resolve) => out.once('drain', () => resolve()));
  };
  if (format === 'xml') await write('<?xml version="1.0"?>\n<rows>\n');
  for (const part of until(bytes, format === 'xml' ? asXml : asJson)) await write(part);
  if (format === 'xml') await write('</rows>\n');
  out.end();
  await finished(out);
}

async function generateAvro(file: string, bytes: number): Promise<void> {
  const encoder = avsc.createFileEncoder(file, SCHEMA as never);
  for (let id = 0, length = 0; length < bytes; id++) {
    const { name, amount, day, city, note } = row(id);
    const cents = Buffer.alloc(5);
    cents.writeIntBE(Number(amount.replace('.', '')), 0, 5);
    const record = {
      id,
      name,
      amount: cents,
      day: day - 25_569,
      active: true,
      address: { city },
      tags: ['a', 'b'],
      note,
    };
    length += note.length + (name?.length ?? 0) + city.length + 22;
    if (!encoder.write(record)) await new Promise<void>((resolve) => encoder.once('drain', () => resolve()));
  }
  encoder.end();
  await new Promise<void>((resolve) => encoder.once('finish', () => resolve()));
}

async function generateXlsx(file: string, bytes: number): Promise<void> {
  const names = [
    'id',
    'shared',
    'amount',
    'day',
    'name',
    ...Array.from({ length: EXTRA_COLUMNS }, (_, index) => `c${index}`),
  ];
  const header = `<row r="1">${names.map((name) => `<c t="inlineStr"><is><t>${name}</t></is></c>`).join('')}</row>`;
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const shared = Array.from({ length: 50_000 }, (_, index) => `<si><t>shared text ${index}</t></si>`);
  await writeZip(file, [
    {
      name: 'xl/workbook.xml',
      text: [
        `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="s" r:id="r1"/></sheets></workbook>`,
      ],
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      text: ['<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>'],
    },
    {
      name: 'xl/styles.xml',
      text: [
        `<styleSheet xmlns="${main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>`,
      ],
    },
    { name: 'xl/sharedStrings.xml', text: [`<sst xmlns="${main}">`, ...shared, '</sst>'] },
    {
      name: 'xl/worksheets/sheet1.xml',
      text: (function* () {
        yield `<worksheet xmlns="${main}"><sheetData>${header}`;
        yield* until(bytes * PACKED, asCells);
        yield '</sheetData></worksheet>';
      })(),
    },
  ]);
}

const chunks = (file: string) => createReadStream(file, { highWaterMark: 256 * 1024 });

async function parse(body: AsyncIterable<Uint8Array>): Promise<number> {
  const parser = new SaxesParser({ xmlns: true, position: false });
  let elements = 0;
  parser.on('opentag', () => elements++);
  parser.on('text', () => undefined);
  const decoder = new TextDecoder();
  for await (const chunk of body) parser.write(decoder.decode(chunk, { stream: true }));
  parser.close();
  return elements;
}

/** The library alone. */
const BARE: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  avro: (file) =>
    new Promise((resolve, reject) => {
      let records = 0;
      avsc
        .createFileDecoder(file)
        .on('data', () => records++)
        .on('end', () => resolve(records))
        .on('error', reject);
    }),
  xml: (file) => parse(chunks(file)),
  xlsx: async (file) => {
    const zip = await openPromise(file, { autoClose: false });
    for await (const entry of zip.eachEntry())
      if (/sheet1|sharedStrings/.test(entry.fileName)) await parse(await zip.openReadStreamPromise(entry));
    zip.close();
  },
  jsonl: async (file) => {
    let held = '';
    const decoder = new TextDecoder();
    let records = 0;
    for await (const chunk of chunks(file)) {
      const lines = (held + decoder.decode(chunk, { stream: true })).split('\n');
      held = lines.pop() ?? '';
      for (const line of lines) if (JSON.parse(line) !== undefined) records++;
    }
    return records;
  },
};

const randomOf = (file: string): RandomAccess => {
  const handle = openSync(file, 'r');
  return {
    bytes: statSync(file).size,
    slice: async (start, end) => {
      const bytes = Buffer.alloc(end - start);
      return bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, start));
    },
  };
};

async function read(format: FileFormat, file: string): Promise<void> {
  const profile = await headerOf(format, file);
  started = cpuSeconds();
  let rejected = 0;
  const onReject = () => {
    rejected++;
  };
  for await (const _part of normalise(chunks(file), format, profile, { onReject, random: randomOf(file) }));
  if (rejected > 0) throw new Error(`${rejected} records were refused`);
}

/** Of a small file of the same kind, so that only the reading is measured. */
async function headerOf(format: FileFormat, file: string) {
  const small = file.replace(/-\d+\./, '-1.');
  const profile = await profileFile(chunks(small), format, randomOf(small));
  if (profile.problem !== undefined) throw new Error(profile.problem.message);
  return profile;
}

let started = 0;

/** Of this process, all threads: other work on the machine does not count. */
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const ACTIONS: Readonly<Record<string, (name: string, file: string, megabytes: number) => Promise<unknown>>> =
  {
    generate: (name, file, megabytes) => generate(name, file, megabytes * 1e6),
    bare: (name, file) => BARE[name]?.(file) ?? Promise.reject(new Error(name)),
    read: (name, file) => read(FORMATS[name] ?? { kind: 'parquet' }, file),
    profile: async (name, file) => {
      const found = await profileFile(chunks(file), FORMATS[name], randomOf(file));
      if (found.problem !== undefined) throw new Error(found.problem.message);
    },
  };

const measure = (action: string, name: string, megabytes: number): Measured =>
  run({
    program: process.execPath,
    arguments: [
      '--disable-warning=ExperimentalWarning',
      import.meta.filename,
      action,
      name,
      String(megabytes),
    ],
  });

const fileOf = (name: string, megabytes: number): string => join(WORK, `rows-${megabytes}.${name}`);

function made(name: string, megabytes: number): number {
  const file = fileOf(name, megabytes);
  if (!existsSync(file)) measure('generate', name, megabytes);
  return statSync(file).size / 1e6;
}

/** At least this share of the bare library's speed, and at most so much more memory for the large file. */
const TARGET = { share: 0.6, memory: 1.5 };

function all(size: string): void {
  const isLarge = size === 'large';
  const runs = isLarge ? 3 : 2;
  const table: Record<string, unknown>[] = [];
  const missed: string[] = [];
  for (const name of Object.keys(FORMATS)) {
    const megabytes = size === 'small' ? 20 : 100;
    made(name, 1);
    const bytes = made(name, megabytes);
    const rounds = times(runs, () => ({
      bare: measure('bare', name, megabytes).seconds,
      read: measure('read', name, megabytes).seconds,
      profile: measure('profile', name, megabytes).seconds,
    }));
    const middle = (of: (round: (typeof rounds)[number]) => number) => median(rounds.map(of));
    const share = middle(({ bare, read: own }) => bare / own);
    const large = isLarge ? (name === 'xlsx' ? 200 : 1000) : undefined;
    const [small, big] =
      large === undefined
        ? []
        : [10, large].map((each) => {
            made(name, each);
            const peak = Math.max(
              measure('read', name, each).peakMegabytes,
              measure('profile', name, each).peakMegabytes,
            );
            if (each > 100) rmSync(fileOf(name, each));
            return peak;
          });
    const speed = (seconds: number) => Math.round(bytes / seconds);
    table.push({
      format: name,
      'bare MB/s': speed(middle(({ bare }) => bare)),
      'read MB/s': speed(middle(({ read: own }) => own)),
      'profile MB/s': speed(middle(({ profile }) => profile)),
      'read / bare': Math.round(share * 100) / 100,
      ...(small === undefined || big === undefined
        ? {}
        : { 'peak MB, 10 MB': Math.round(small), 'peak MB, large': Math.round(big) }),
    });
    if (size !== 'small' && share < TARGET.share)
      missed.push(`${name} has ${share.toFixed(2)} of the bare library's speed, target ${TARGET.share}`);
    if (small !== undefined && big !== undefined && big / small > TARGET.memory)
      missed.push(
        `${name} takes ${(big / small).toFixed(2)} times the memory for ${large} MB, target ${TARGET.memory}`,
      );
  }
  console.table(table);
  for (const each of missed) console.error(`missed: ${each}`);
  process.exitCode = missed.length > 0 ? 1 : 0;
}

const [action = '', name = '', megabytes = ''] = process.argv.slice(2);
mkdirSync(WORK, { recursive: true });
if (action === 'all') all(name);
else {
  started = cpuSeconds();
  await ACTIONS[action]?.(name, fileOf(name, Number(megabytes)), Number(megabytes));
  const seconds = cpuSeconds() - started;
  console.log(JSON.stringify({ seconds, peakMegabytes: process.resourceUsage().maxRSS / 1024 }));
}
