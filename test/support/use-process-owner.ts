import { afterAll } from 'vitest';
import { ProcessOwner } from '../../local/processes.ts';

/** For a test that starts processes or servers of its own: everything is ended after the file (or the `describe`). */
export function useProcessOwner(): ProcessOwner {
  const owner = new ProcessOwner({ signals: false });
  afterAll(() => owner.stop(), 30_000);
  return owner;
}
