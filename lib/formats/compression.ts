import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';

export type Compression = 'none' | 'gzip';

export interface Inflated {
  readonly compression: Compression;
  readonly body: AsyncIterable<Uint8Array>;
}

/** The plain bytes of a file; gzip is recognised by its first two bytes (RFC 1952), not by the name. */
export async function inflated(body: AsyncIterator<Uint8Array>, mayInflate = true): Promise<Inflated> {
  const first = await body.next();
  if (first.done === true) return { compression: 'none', body: none() };
  const whole = prepended(first.value, body);
  const isGzip = mayInflate && first.value[0] === 0x1f && first.value[1] === 0x8b;
  return isGzip ? { compression: 'gzip', body: gunzipped(whole) } : { compression: 'none', body: whole };
}

async function* none(): AsyncGenerator<Uint8Array> {}

async function* prepended(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

const FREE_BYTES = 10 * 1024 * 1024;

async function* gunzipped(body: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let packed = 0;
  let plain = 0;
  const counted = (async function* () {
    for await (const chunk of body) {
      packed += chunk.length;
      yield chunk;
    }
  })();
  const source = Readable.from(counted, { objectMode: false });
  const gunzip = source.pipe(createGunzip({ chunkSize: 1024 * 1024 }));
  source.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      plain += chunk.length;
      if (plain > FREE_BYTES + packed * LIMITS.inflation) {
        throw new FormatProblem(
          'file.too_large',
          `inflates to more than ${LIMITS.inflation} times its size; send it in parts`,
        );
      }
      yield chunk;
    }
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    throw new FormatProblem(
      'file.format',
      'the gzip stream is cut off or damaged; send the file again',
      error,
    );
  } finally {
    source.destroy();
  }
}
