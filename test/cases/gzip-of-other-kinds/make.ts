import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import type { CasePlace } from '../../support/case-place.ts';

const [FHCRC, FEXTRA, FCOMMENT] = [2, 4, 16];

/** RFC 1952: a member with an optional field in its header. */
function withField(flag: number, text: string): Buffer {
  const plain = gzipSync(text);
  const head = Buffer.from(plain.subarray(0, 10));
  head[3] = flag;
  const sum = Buffer.alloc(2);
  sum.writeUInt16LE(crc32(head) & 0xffff);
  const field = { [FHCRC]: sum, [FEXTRA]: Buffer.from('\x06\0AB\x02\0xy'), [FCOMMENT]: Buffer.from('hello\0') };
  return Buffer.concat([head, field[flag] ?? Buffer.alloc(0), plain.subarray(10)]);
}

export function first({ landing }: CasePlace): undefined {
  const folder = join(landing, 'shop/2026-01-31');
  mkdirSync(folder, { recursive: true });
  const table = (id: number) => `id,name,amount\n${id},a,1.00\n`;
  const files = {
    comment: withField(FCOMMENT, table(1)),
    'sum-of-header': withField(FHCRC, table(2)),
    extra: withField(FEXTRA, table(3)),
    zeros: Buffer.concat([gzipSync(table(4)), Buffer.alloc(512)]),
    members: Buffer.concat([gzipSync(table(5)), withField(FCOMMENT, '6,b,2.00\n')]),
    'garbage-behind': Buffer.concat([gzipSync(table(7)), Buffer.alloc(512), Buffer.from('lost')]),
    'text-behind': Buffer.concat([gzipSync(table(8)), Buffer.from('9,b,2.00\n')]),
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, `${name}.csv.gz`), bytes);
}
