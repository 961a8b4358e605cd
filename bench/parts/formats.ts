// Readers of lib/formats, and the bare library that does nothing but read.
import { createReadStream, createWriteStream, openSync, readSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import avsc from 'avsc';
import { SaxesParser } from 'saxes';
import { openPromise } from 'yauzl';
import type { FileFormat } from '../../lib/contract/dataset.ts';
import type { RandomAccess } from '../../lib/formats/file-profile.ts';
import { normalise } from '../../lib/formats/normalise.ts';
import { profileFile } from '../../lib/formats/profile.ts';
import { writeZip } from '../zip-writer.ts';
import type { Figures } from './transactions.ts';

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
  const encoder = new avsc.streams.BlockEncoder(SCHEMA as never);
  const written = finished(encoder.pipe(createWriteStream(file)));
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
  await written;
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

async function read(format: FileFormat, file: string, header: string): Promise<number> {
  const profile = await profiled(format, header);
  let rejected = 0;
  const onReject = () => {
    rejected++;
  };
  const seconds = await cpuSeconds(async () => {
    for await (const _part of normalise(chunks(file), format, profile, { onReject, random: randomOf(file) }));
  });
  if (rejected > 0) throw new Error(`${rejected} records were refused`);
  return seconds;
}

async function profiled(format: FileFormat, file: string) {
  const profile = await profileFile(chunks(file), format, randomOf(file));
  if (profile.problem !== undefined) throw new Error(profile.problem.message);
  return profile;
}

/** Of this process, all threads: other work on the machine does not count. */
async function cpuSeconds(action: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const ACTIONS: Readonly<
  Record<string, (name: string, format: FileFormat, file: string, folder: string) => Promise<number>>
> = {
  bare: (name, _format, file) => cpuSeconds(() => BARE[name]?.(file) ?? Promise.reject(new Error(name))),
  async read(name, format, file, folder) {
    // A small file of the same kind, so that only the reading is measured.
    const header = join(folder, `header.${name}`);
    await generate(name, header, 1000);
    return read(format, file, header);
  },
  profile: (_name, format, file) => cpuSeconds(() => profiled(format, file)),
};

/** Processor seconds of the library alone, of reading or of profiling a file, whose name ends with its format. */
export async function format(action: string, file: string, folder: string): Promise<number> {
  const name = extname(file).slice(1);
  const found = FORMATS[name];
  const act = ACTIONS[action];
  if (found === undefined || act === undefined) throw new Error(`no ${action} of ${name}`);
  return act(name, found, file, folder);
}

/** A file of about so many megabytes in the format that its name ends with; its size in megabytes as a figure. */
export async function formatFile(file: string, megabytes: string): Promise<Figures> {
  await generate(extname(file).slice(1), file, Number(megabytes) * 1e6);
  return { megabytes: statSync(file).size / 1e6 };
}
