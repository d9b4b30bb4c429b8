/** One figure with what it is held against. */
export interface Measured {
  name: string;
  figure: number;
  limit: number;
  unit: string;
  holds: boolean;
  details: Record<string, unknown>;
}

export interface BenchOptions {
  /** How many of what it is about: connections, items, rows, records. Each bench has its own default. */
  size?: number;
}
