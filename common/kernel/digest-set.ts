/**
 * A set of 64-bit digests in typed arrays: 16 bytes an element at half load, where a Set of strings takes about 100.
 * Open addressing with linear probing over pairs of 32-bit halves; (0, 0) marks an empty place, so that digest counts as
 * absent: one event in 2^64 may run twice.
 *
 *   | high | low | high | low | ... |   capacity is a power of two, grown at half load
 */
export class DigestSet {
  #slots = new Uint32Array(2 * 64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param digest 16 hex digits */
  has(digest: string): boolean {
    const high = Number.parseInt(digest.slice(0, 8), 16);
    const low = Number.parseInt(digest.slice(8, 16), 16);
    const at = this.#place(high, low);
    return this.#slots[at] === high && this.#slots[at + 1] === low && (high | low) !== 0;
  }

  add(digest: string): void {
    this.#insert(Number.parseInt(digest.slice(0, 8), 16), Number.parseInt(digest.slice(8, 16), 16));
  }

  /** Adds every 8 big-endian bytes as one digest: the form of the `seen` keys in Redis. */
  addBytes(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i + 8 <= bytes.byteLength; i += 8) this.#insert(view.getUint32(i), view.getUint32(i + 4));
  }

  #insert(high: number, low: number): void {
    const at = this.#place(high, low);
    if (this.#slots[at] === high && this.#slots[at + 1] === low) return;
    this.#slots[at] = high;
    this.#slots[at + 1] = low;
    if (++this.#size * 4 > this.#slots.length) this.#grow();
  }

  /** Where the digest is, or the empty place where it would go. */
  #place(high: number, low: number): number {
    const mask = this.#slots.length / 2 - 1;
    let index = (high ^ low) & mask;
    for (;;) {
      const h = this.#slots[2 * index];
      const l = this.#slots[2 * index + 1];
      if ((h === high && l === low) || (h === 0 && l === 0)) return 2 * index;
      index = (index + 1) & mask;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    this.#size = 0;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== 0 || old[i + 1] !== 0) this.#insert(old[i] as number, old[i + 1] as number);
    }
  }
}
