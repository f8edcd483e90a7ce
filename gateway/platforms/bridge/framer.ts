/**
 * Bytes to lines. A line ends with LF; a CR before it is taken off; empty lines are dropped (phones tolerate them, so
 * do we). A line that lies whole in one chunk is a view into that chunk; only a line cut by a chunk's end is copied, into
 * blocks, so that input byte by byte costs linear time, and at most a quarter more memory than the line: what strangers may
 * hold is counted in bytes of lines. One buffer that grows leaves its former selves to the collector, as much again and more.
 */
import type { FramedResult } from "../platform.ts";

const LF = 10;
const CR = 13;
const BLOCK_BYTES_MIN = 1_024;
const BLOCK_BYTES_MAX = 65_536;

export interface Framer {
  push(chunk: Uint8Array): FramedResult;
}

/** @param bytesMax longest line without its end. A longer one ends the framer: it yields nothing from then on. */
export function createFramer(bytesMax: number): Framer {
  /** The cut line so far: all are full but the last. */
  let blocks: Buffer[] = [];
  let lastBytes = 0;
  let tailBytes = 0;
  let tooLarge = false;

  function keep(part: Buffer): void {
    const last = blocks.at(-1);
    const copied = last === undefined ? 0 : part.copy(last, lastBytes);
    lastBytes += copied;
    const rest = part.subarray(copied);
    if (rest.length > 0) {
      const size = Math.max(rest.length, BLOCK_BYTES_MIN, Math.min(tailBytes >> 2, BLOCK_BYTES_MAX));
      const block = Buffer.allocUnsafeSlow(size);
      lastBytes = rest.copy(block);
      blocks.push(block);
    }
    tailBytes += part.length;
  }

  function drop(): void {
    blocks = [];
    tailBytes = 0;
  }

  function lineOf(part: Buffer): Buffer {
    if (blocks.length === 0) return part;
    keep(part);
    const line = Buffer.concat(blocks, tailBytes);
    drop();
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
        drop();
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
