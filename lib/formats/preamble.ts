const LF = 10;
const CR = 13;

/** The lines before the header that are not records. They end with LF, CRLF or CR, and nothing in them is a quote. */
export class Preamble {
  #left: number;
  #afterCr = false;

  constructor(lines: number) {
    this.#left = lines;
  }

  /** What of the chunk stands after the preamble. */
  rest(chunk: Buffer): Buffer {
    let at = 0;
    for (; at < chunk.length; at++) {
      const byte = chunk[at];
      const endsCrLf = this.#afterCr && byte === LF;
      this.#afterCr = false;
      if (endsCrLf) continue;
      if (this.#left === 0) break;
      this.#afterCr = byte === CR;
      if (byte === LF || byte === CR) this.#left--;
    }
    return at === 0 ? chunk : chunk.subarray(at);
  }
}
