/** Rows in the order they were added, found by id, and by the place after a given row even when that row is gone. */
export class OrderedTable<T extends { id: string; seq: number }> {
  readonly #byId = new Map<string, T>();
  readonly #rows: T[] = [];

  get size(): number {
    return this.#rows.length;
  }

  get rows(): readonly T[] {
    return this.#rows;
  }

  get(id: string): T | undefined {
    return this.#byId.get(id);
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** `row.seq` must be greater than that of every row added before. */
  add(row: T): T {
    this.#byId.set(row.id, row);
    this.#rows.push(row);
    return row;
  }

  delete(id: string): boolean {
    const row = this.#byId.get(id);
    if (!row) return false;
    this.#byId.delete(id);
    this.#rows.splice(this.indexAfter(row.seq - 1), 1);
    return true;
  }

  /** Index of the first row whose seq is greater than `seq`. */
  indexAfter(seq: number): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle] as T).seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
