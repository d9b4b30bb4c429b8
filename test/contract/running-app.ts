import type { ActionName } from '../../connectors/actions.ts';
import type { OpenOptions } from '../../connectors/connector.ts';
import type { Ref } from '../../connectors/pages.ts';
import type { FailureKind } from '../../connectors/kit/failures.ts';
import type { AnyRecord, StageName } from '../../connectors/records.ts';

/** How a stand-in vendor spoils the answers to requests whose path and query match. */
export type Spoil =
  | { kind: 'status'; status: number }
  | { kind: 'torn' | 'truncated' | 'html' | 'reset' | 'emptyMiddlePage' }
  | { kind: 'foreignNext'; to: string };

export interface RunningApp {
  settings: unknown;
  credential: unknown;
  wrongCredential: unknown;
  /** What must never show anywhere. */
  secrets: readonly string[];
  /** Parts that have at least three pages, as `stage/part`. */
  long: readonly string[];
  /** How many records of a kind the vendor has; kinds that are not here are only checked for being consistent. */
  truth(): Partial<Record<AnyRecord['kind'], number>>;
  /** A part whose list is asked by requests that match `path`. */
  spoilable: { stage: StageName; part: string; path: string };
  spoil(spoil: Spoil, path: string): void;
  mend(): void;
  /** Changes something as somebody else; the refs that the feed must then touch. */
  change(): readonly Ref[];
  /** What a store would know of where an object was last seen. */
  partOf?: OpenOptions['partOf'];
  /** Statuses of which this vendor's own code in the body says something else than the table. */
  kinds?: Readonly<Record<number, FailureKind>>;
  /** The vendor's paging knows no addresses, only markers: a link to elsewhere is an answer it cannot give. */
  pagesByMarker?: boolean;
  /** Refs that look right and are not there. */
  missing: readonly Ref[];
  /** Objects to act upon. */
  targets(): { [N in ActionName]?: object };
  close(): Promise<void>;
}
