/** Computes with what is its own alone: in the sandbox a global costs a hundred times as much as outside. */
export function spin(turns: number): number {
  let value = 1;
  for (let turn = 0; turn < turns; turn += 1) value = (value * 31 + turn) | 0;
  return value;
}

export const busy = (turns: number): Promise<number> => Promise.resolve(spin(turns));
