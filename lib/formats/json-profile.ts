import { toUtf8 } from './encoding.ts';
import type { Content } from './file-profile.ts';
import { jsonArray } from './json-array.ts';
import { jsonFields, jsonLines, textOf } from './json-records.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';

/** Counts records and gathers the keys of all objects, in the order in which they first appear. */
export async function profileJson(body: AsyncIterable<Uint8Array>, kind: 'json' | 'jsonl'): Promise<Content> {
  const keys = new Set<string>();
  let bytes = 0;
  let records = 0;
  const text = counted(toUtf8(body, 'utf-8'), (length) => {
    bytes += length;
  });
  for await (const parts of kind === 'json' ? jsonArray(text) : jsonLines(text)) {
    records += parts.length;
    for (const part of parts) for (const key of jsonFields(textOf(part))?.keys() ?? []) keys.add(key);
    if (keys.size > LIMITS.jsonKeys) {
      throw new FormatProblem(
        'file.too_large',
        `the objects have more than ${LIMITS.jsonKeys} different keys`,
      );
    }
  }
  if (bytes === 0 && records === 0)
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  return { records, header: [...keys] };
}

async function* counted(
  body: AsyncIterable<Buffer>,
  count: (length: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    count(chunk.length);
    yield chunk;
  }
}
