/** Takes numbers of bytes from a stream; never holds more than was asked for and one chunk. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Position in the file of the next byte. */
  offset = 0;

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#chunks = body[Symbol.asyncIterator]();
  }

  /** Undefined where the stream ends before. The bytes stay valid. */
  async take(length: number): Promise<Buffer | undefined> {
    if (!(await this.#hold(length))) return undefined;
    const bytes = this.#held.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.offset += length;
    return bytes;
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#hold(1));
  }

  async #hold(length: number): Promise<boolean> {
    const parts = [this.#held.subarray(this.#at)];
    let size = this.#held.length - this.#at;
    if (size >= length) return true;
    while (size < length) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      const { buffer, byteOffset, byteLength } = next.value;
      parts.push(Buffer.from(buffer, byteOffset, byteLength));
      size += byteLength;
    }
    this.#held = Buffer.concat(parts);
    this.#at = 0;
    return size >= length;
  }
}
