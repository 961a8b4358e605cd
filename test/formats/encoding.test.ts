import { expect, test } from '@jest/globals';
import type { CsvEncoding } from '../../lib/contract/dataset.ts';
import { toUtf8 } from '../../lib/formats/encoding.ts';

const TEXT = 'id,näme\n1,€\n';
const utf16be = Buffer.from(`\uFEFF${TEXT}`, 'utf16le').swap16();

test.each<[CsvEncoding, Buffer, number]>([
  ['utf-8', Buffer.from(TEXT), 0],
  ['utf-8', Buffer.from(`\uFEFF${TEXT}`), 3],
  ['utf-16', Buffer.from(`\uFEFF${TEXT}`, 'utf16le'), 0],
  ['utf-16', utf16be, 0],
])(
  '%s that comes a byte at a time (case %#) has lost its mark and nothing else',
  async (encoding, bytes, length) => {
    const mark = { bytes: 0 };
    const body = async function* () {
      for (const byte of bytes) yield Buffer.from([byte]);
    };
    const parts: Buffer[] = [];
    for await (const part of toUtf8(body(), encoding, { mark })) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe(TEXT);
    expect(mark.bytes).toBe(length);
  },
);
