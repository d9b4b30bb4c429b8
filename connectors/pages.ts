import type { AppPermissionRecord, RecordKind } from './records.ts';

/** A piece of a stage with a position of its own: a drive, a bucket, a Region, a log. */
export interface Part {
  id: string;
  title: string;
  subject?: string;
  weight?: number;
}

export interface PageRequest {
  part: Part;
  /** Place inside this sweep, or inside this run of changes. Opaque text that only the connector reads. */
  cursor?: string;
  /** Where the followed changes stand. */
  checkpoint?: string;
  /** Activities only: `[from, until)`. For other feeds `from` is where to open them. */
  from?: Date;
  until?: Date;
}

/** "Look at this again": an audit row that names a file or a user. */
export interface Ref {
  kind: RecordKind;
  vendorId: string;
  part?: string;
}

/** That came into sight, and where it was before. */
export interface FolderRef extends Ref {
  fromTrash?: true;
}

/** To be looked at again; or, with `children`, a folder of which the contents are to be listed. */
export interface Touched extends FolderRef {
  children?: true;
}

/** One; a path and all below; or a list that replaces what the parent had. */
export type Gone =
  | Ref
  | { kind: RecordKind; under: string }
  /** With `prefixes` the list is of the ids that begin so, and says nothing of the parent's others. */
  | { kind: RecordKind; parent: string; except: readonly string[]; prefixes?: readonly string[] };

/** "There, and as it was recalled": if something else is stored by now, it is looked at again. */
export interface Kept extends Pick<Ref, 'kind' | 'vendorId'> {
  hash: string;
}

export interface Skipped {
  /** Neither this nor what lies below it is taken for gone by the sweep that could not read it. */
  vendorId?: string;
  why: string;
}

export interface Page<R> {
  records: readonly R[];
  kept?: readonly Kept[];
  /** Of activities: permissions that only events tell of, each the word of one, at `changedAt`, until `expiresAt`. */
  observed?: readonly AppPermissionRecord[];
  removed?: readonly Gone[];
  touched?: readonly Touched[];
  /** More of this sweep, or of this run of changes, is there now. */
  next?: string;
  /** Where a feed stands after this page. */
  checkpoint?: string;
  /** Handed to `acknowledge` once the page is committed. */
  receipt?: string;
  skipped?: readonly Skipped[];
  /** How many records the whole part may have. */
  estimate?: number;
}

export interface Looked<R> {
  records: readonly R[];
  /** The app says that they are not there. */
  absent: readonly Ref[];
  /** Could not be told. */
  unknown: readonly Ref[];
  /** What went with them, or a list that replaces what a holder had (`parent` is its groupId, holderId, accountId). */
  removed?: readonly Gone[];
}

/** What lies directly in a folder. */
export interface Children<R> extends Pick<Page<R>, 'records' | 'kept' | 'next' | 'skipped'> {
  /** Where these are swept. */
  part: string;
}
