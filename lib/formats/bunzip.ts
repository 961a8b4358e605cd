import bitIterator from 'unbzip2-stream/lib/bit_iterator.js';
import bzip2 from 'unbzip2-stream/lib/bzip2.js';

/** More than a block of a hundred thousand bytes takes while it is packed; for each further hundred thousand as many more. */
const PACKED = 25_000;
const HUNDRED_THOUSAND = 100_000;

/**
 * bzip2, block by block: the library's own stream decodes all that it has before anybody can say that it is too much, and keeps each byte of a
 * block as a number. 51 packed bytes can be a block of 45 MB.
 */
export class Bunzip {
  readonly #waiting: Uint8Array[] = [];
  #packed = 0;
  #bits: ReturnType<typeof bitIterator> | undefined;
  /** Hundreds of thousands of bytes in a block; 0 before the header of a stream. */
  #size = 0;
  /** Of the stream so far; undefined between streams. */
  #checksum: number | undefined;

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#waiting.push(chunk);
    this.#packed += chunk.length;
  }

  /** The next block; undefined where more bytes are needed, or `isEnd` and there is none. @throws Error where the bytes are damaged or cut off */
  next(isEnd: boolean): Uint8Array | undefined {
    while (isEnd ? this.#left > 0 : this.#left >= PACKED + HUNDRED_THOUSAND * this.#size) {
      const block = this.#step();
      if (block !== undefined) return block;
    }
    if (isEnd && this.#checksum !== undefined) throw new Error('the stream is cut off');
    return undefined;
  }

  get #left(): number {
    return this.#packed - (this.#bits?.bytesRead ?? 0);
  }

  /** A header, a block, or the end of a stream. */
  #step(): Uint8Array | undefined {
    this.#bits ??= bitIterator(() => this.#waiting.shift());
    if (this.#checksum === undefined) {
      this.#size = bzip2.header(this.#bits);
      this.#checksum = 0;
      return undefined;
    }
    const size = HUNDRED_THOUSAND * this.#size;
    let plain = Buffer.allocUnsafe(size);
    let length = 0;
    const take = (byte: number) => {
      if (length === plain.length) plain = Buffer.concat([plain, Buffer.allocUnsafe(length)]);
      plain[length++] = byte;
    };
    const checksum = bzip2.decompress(this.#bits, take, new Int32Array(size), size, this.#checksum);
    this.#checksum = checksum ?? undefined;
    if (checksum !== null) return plain.subarray(0, length);
    this.#size = 0;
    return undefined;
  }
}
