/**
 * Bytes to lines. A line ends with LF; a CR before it is taken off; empty lines are dropped (phones tolerate them, so
 * do we). A line that lies whole in one chunk is a view into that chunk; only a line cut by a chunk's end is copied,
 * into a buffer that grows by a quarter, so that input byte by byte costs linear time, and at most a quarter more memory
 * than the line: what strangers may hold is counted in bytes of lines.
 */
import type { FramedResult } from "../platform.ts";

const LF = 10;
const CR = 13;
const FIRST_TAIL_BYTES = 1_024;

export interface Framer {
  push(chunk: Uint8Array): FramedResult;
}

/** @param bytesMax longest line without its end. A longer one ends the framer: it yields nothing from then on. */
export function createFramer(bytesMax: number): Framer {
  let tail: Buffer | null = null;
  let tailBytes = 0;
  let tooLarge = false;

  function keep(part: Buffer): void {
    const needed = tailBytes + part.length;
    if (tail === null || tail.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, FIRST_TAIL_BYTES, Math.ceil(tailBytes * 1.25)));
      tail?.copy(grown, 0, 0, tailBytes);
      tail = grown;
    }
    part.copy(tail, tailBytes);
    tailBytes = needed;
  }

  function lineOf(part: Buffer): Buffer {
    if (tail === null) return part;
    keep(part);
    const line = tail.subarray(0, tailBytes);
    tail = null;
    tailBytes = 0;
    return line;
  }

  function push(chunk: Uint8Array): FramedResult {
    const frames: Buffer[] = [];
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    while (!tooLarge && start < bytes.length) {
      const end = bytes.indexOf(LF, start);
      const part = bytes.subarray(start, end === -1 ? bytes.length : end);
      if (tailBytes + part.length > bytesMax) {
        tooLarge = true;
        tail = null;
        tailBytes = 0;
      } else if (end === -1) {
        keep(part);
        break;
      } else {
        const line = withoutCr(lineOf(part));
        if (line.length > 0) frames.push(line);
        start = end + 1;
      }
    }
    return { frames, tooLarge, heldBytes: tailBytes };
  }

  return { push };
}

function withoutCr(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
}
