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
  /** Of `idle`. */
  connections: number;
  /** Of `files`: how many the tenant has. */
  items: number;
}
