import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { crc32, createDeflateRaw } from 'node:zlib';

export interface NewMember {
  readonly name: string;
  readonly text: AsyncIterable<string> | Iterable<string>;
}

/** A ZIP archive with members of any length: sizes stand behind them and in the directory (APPNOTE.TXT 4.3.9). Up to 4 GiB. */
export async function writeZip(path: string, members: readonly NewMember[]): Promise<void> {
  const out = createWriteStream(path);
  const directory: Buffer[] = [];
  let offset = 0;
  const write = async (bytes: Buffer) => {
    offset += bytes.length;
    if (!out.write(bytes)) await new Promise<void>((resolve) => out.once('drain', resolve));
  };
  for (const { name, text } of members) {
    const start = offset;
    await write(head(0x04034b50, [20, 8, 8, 0, 0], [0, 0, 0], [name.length, 0], name));
    const from = offset;
    const deflate = createDeflateRaw({ level: 1 });
    let checksum = 0;
    let length = 0;
    const packed = (async () => {
      for await (const chunk of deflate) await write(chunk as Buffer);
    })();
    for await (const part of text) {
      const bytes = Buffer.from(part);
      checksum = crc32(bytes, checksum);
      length += bytes.length;
      if (!deflate.write(bytes)) await new Promise<void>((resolve) => deflate.once('drain', resolve));
    }
    deflate.end();
    await packed;
    const sizes = [checksum, offset - from, length];
    await write(head(0x08074b50, [], sizes, [], ''));
    directory.push(
      head(0x02014b50, [20, 20, 8, 8, 0, 0], sizes, [name.length, 0, 0, 0, 0, 0, 0], '', start, name),
    );
  }
  const entries = Buffer.concat(directory);
  const start = offset;
  await write(entries);
  await write(head(0x06054b50, [0, 0, members.length, members.length], [entries.length, start], [0], ''));
  out.end();
  await finished(out);
}

function head(
  signature: number,
  before: readonly number[],
  longs: readonly number[],
  after: readonly number[],
  text: string,
  last?: number,
  name = '',
): Buffer {
  const short = (values: readonly number[]) => Buffer.from(Uint16Array.from(values).buffer);
  const long = (values: readonly number[]) => Buffer.from(Uint32Array.from(values).buffer);
  return Buffer.concat([
    long([signature]),
    short(before),
    long(longs),
    short(after),
    ...(last === undefined ? [] : [long([last])]),
    Buffer.from(text + name),
  ]);
}
