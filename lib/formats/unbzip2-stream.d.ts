/** The parts of the library, which types only its whole. */
declare module 'unbzip2-stream/lib/bit_iterator.js' {
  interface Bits {
    /** The next bits as a number; null: goes on at the next byte. */
    (count: number | null): number | undefined;
    readonly bytesRead: number;
  }
  export default function bitIterator(nextBytes: () => Uint8Array | undefined): Bits;
}

declare module 'unbzip2-stream/lib/bzip2.js' {
  import type { Bits } from 'unbzip2-stream/lib/bit_iterator.js';

  const bzip2: {
    /** Hundreds of thousands of bytes in a block. */
    header(bits: Bits): number;
    /** Gives one block byte for byte; answers with the checksum so far, or null where the stream ends instead. */
    decompress(
      bits: Bits,
      take: (byte: number) => void,
      room: Int32Array,
      size: number,
      checksum: number,
    ): number | null;
  };
  export default bzip2;
}
