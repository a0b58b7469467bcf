import type { History, HistoryPoint } from './branch.js';
import { historyPointsMax } from './branch.js';
import { beyondLimit, malformed, type ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { isStamp, type Stamp } from './stamp.js';
import { readChain, writeChain } from './vector-codec.js';

/** The newest `historyPointsMax` points; a count, the stamp before the first, then stamp and chain of each. */
export function writeHistory(out: ByteWriter, history: History): void {
  const points = history.slice(-historyPointsMax);
  out.varint(points.length);
  const [first] = points;
  if (first) out.varint(first.prev);
  for (const { stamp, chain } of points) {
    out.varint(stamp);
    writeChain(out, chain);
  }
}

export function readHistory(input: ByteReader): History {
  const count = input.count('changesets of a history', historyPointsMax, 9);
  if (count > historyPointsMax) throw beyondLimit('changesets of a history', count, historyPointsMax);
  const points: HistoryPoint[] = [];
  let prev = count > 0 ? readStamp(input) : (0 as Stamp);
  for (let i = 0; i < count; i++) {
    const stamp = readStamp(input);
    if (stamp <= prev) throw malformed('a history is not in order');
    points.push({ stamp, prev, chain: readChain(input) });
    prev = stamp;
  }
  return points;
}

function readStamp(input: ByteReader): Stamp {
  const stamp = input.varint();
  if (!isStamp(stamp)) throw malformed('a stamp is out of its range');
  return stamp;
}
