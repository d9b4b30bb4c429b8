/** Computes in its first task, and with what is its own alone: a global of the sandbox costs a hundred times as much. */
export async function busy(turns: number): Promise<number> {
  let value = 1;
  for (let turn = 0; turn < turns; turn += 1) value = (value * 31 + turn) | 0;
  return value;
}
