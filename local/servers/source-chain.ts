import { RunIsEnding } from '../processes.ts';

/** A source that was asked and why it was not used. */
export interface Tried {
  source: string;
  why: string;
}

/** A server program or address, and how it was come by. */
export interface Found<T> {
  value: T;
  /** The version of the server itself, e.g. '1.32.0'. */
  version: string;
  source: string;
  tried: readonly Tried[];
}

export interface Source<T> {
  name: string;
  /** Throws with the reason when it has nothing; what it returns has been seen to work. */
  find(): Promise<{ value: T; version: string }>;
}

/** No source had it. The message lists each with its reason. */
export class NothingFound extends Error {
  override readonly name = 'NothingFound';
  readonly tried: readonly Tried[];
  constructor(what: string, tried: readonly Tried[], advice: string) {
    super(`${what}: no source has it.\n${tried.map(oneLine).join('\n')}\n  Try: ${advice}`);
    this.tried = tried;
  }
}

/** The first source that works, in the order given, with the reasons of those before it. */
export async function firstThatWorks<T>(
  what: string,
  sources: readonly Source<T>[],
  advice: string,
): Promise<Found<T>> {
  const tried: Tried[] = [];
  for (const source of sources) {
    try {
      return { ...(await source.find()), source: source.name, tried };
    } catch (error) {
      if (error instanceof RunIsEnding) throw error;
      tried.push({ source: source.name, why: error instanceof Error ? error.message : String(error) });
    }
  }
  throw new NothingFound(what, tried, advice);
}

/** The same source, with its value made into something else. */
export function mapSource<A, B>(source: Source<A>, map: (value: A) => B): Source<B> {
  return {
    name: source.name,
    find: async () => {
      const { value, version } = await source.find();
      return { value: map(value), version };
    },
  };
}

/** For the terminal: the source used, then why those before it failed. */
export function explain(what: string, found: Pick<Found<unknown>, 'version' | 'source' | 'tried'>): string {
  return [`${what} ${found.version} from: ${found.source}`, ...found.tried.map(oneLine)].join('\n');
}

function oneLine({ source, why }: Tried): string {
  return `  not from ${source}: ${why.replace(/\s+/g, ' ').trim()}`;
}
