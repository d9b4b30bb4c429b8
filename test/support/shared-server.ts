import { ProcessOwner } from '../../local/processes.ts';

interface Shared {
  holders: number;
  owner: ProcessOwner;
  started: Promise<unknown>;
}

/** Vitest loads a set-up file once a project, each time as a new module; only the process itself is common to them. */
const registry = ((globalThis as Record<symbol, unknown>)[Symbol.for('castellan.test.servers')] ??= new Map<
  string,
  Shared
>()) as Map<string, Shared>;

/** One server a test run, however many projects want it: started by the first, ended when the last lets go. */
export async function holdShared<T>(
  name: string,
  start: (owner: ProcessOwner) => Promise<T>,
): Promise<{ server: T; release: () => Promise<void> }> {
  let shared = registry.get(name);
  if (!shared) {
    // Vitest handles the signals; its exit ends the servers all the same.
    const owner = new ProcessOwner({ signals: false });
    shared = { holders: 0, owner, started: start(owner) };
    registry.set(name, shared);
  }
  const { owner, started } = shared;
  shared.holders += 1;
  const release = async () => {
    shared.holders -= 1;
    if (shared.holders > 0) return;
    registry.delete(name);
    await owner.stop();
  };
  try {
    return { server: (await started) as T, release };
  } catch (error) {
    await release();
    throw error;
  }
}
