/** The value that so many percent of the others do not exceed; NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil((sorted.length * percent) / 100) - 1, 0)] ?? Number.NaN;
}

/** For `details`: rounded milliseconds. */
export const spread = (values: readonly number[]) => ({
  samples: values.length,
  p50: Math.round(percentile(values, 50)),
  p95: Math.round(percentile(values, 95)),
  worst: Math.round(Math.max(...values)),
});
