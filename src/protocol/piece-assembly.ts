import { malformed } from '../core/byte-reader.js';
import { partBytesMax } from '../core/limits.js';

/** Puts pieces together. Takes memory only for bytes that have arrived. */
export interface PieceAssembly {
  /** The whole when this was its last piece, else null. `name` tells the wholes apart; throws when pieces are mixed. */
  add(name: string, bytes: Uint8Array, rest: number): Uint8Array | null;
  clear(): void;
  readonly bytes: number;
}

export function createPieceAssembly(): PieceAssembly {
  let pieces: Uint8Array[] = [];
  let held = 0;
  let expected: { readonly name: string; readonly rest: number } | null = null;
  const clear = (): void => {
    pieces = [];
    held = 0;
    expected = null;
  };
  return {
    add(name, bytes, rest) {
      if (expected && (expected.name !== name || expected.rest !== bytes.length + rest)) {
        throw malformed('pieces do not follow each other');
      }
      if (held + bytes.length + rest > partBytesMax) throw malformed('a part is larger than allowed');
      if (rest > 0 && bytes.length === 0) throw malformed('an empty piece');
      if (rest === 0 && !expected) return bytes.slice();
      pieces.push(bytes.slice());
      held += bytes.length;
      expected = { name, rest };
      if (rest > 0) return null;
      const whole = new Uint8Array(held);
      let at = 0;
      for (const piece of pieces) {
        whole.set(piece, at);
        at += piece.length;
      }
      clear();
      return whole;
    },
    clear,
    get bytes() {
      return held;
    },
  };
}
