import type { Db } from 'mongodb';
import type { ActionName } from '../../connectors/actions.ts';
import type { RecordKind } from '../../connectors/records.ts';
import type { Fault as VendorFault } from '../../simulators/kit/vendor-faults.ts';
import type { Random } from '../../simulators/kit/seeded.ts';
import type { Present } from './compare.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export type App = 'okta' | 'box';

/** What may be turned at either simulator. */
export interface VendorKnobs {
  lateProbability?: number;
  lateMs?: number;
  duplicateProbability?: number;
  hooks?: { duplicateProbability?: number; lossProbability?: number; reorder?: boolean; lagMs?: number };
}

export interface VendorControl {
  faults(given?: { add?: VendorFault[]; clear?: boolean }): Promise<{ rule: VendorFault; struck: number }[]>;
  knobs(patch: VendorKnobs): Promise<unknown>;
  /** `executed`: what was done → to whom → how often, by the vendor's own count. */
  counters(): Promise<{ executed: Executed }>;
}
export type Executed = Record<string, Record<string, number>>;

export interface Errand {
  action: ActionName;
  target: Record<string, string>;
}

/** An action with the begin of each of its requests. */
export interface Steps extends Errand {
  /** Before the plan, and after the writes. */
  read: string;
  /** A write that the vendor would do again if asked again, or the first. */
  write: string;
  /** The last of several. */
  lastWrite: string;
  undoWrite: string;
  /** Whether the vendor has done the last one. */
  written(): Promise<boolean>;
}

/** An action that was asked for, and how it ended. */
export interface Settled extends Errand {
  id: string;
  undo: boolean;
  state: string;
  /** Actions of this name upon the same, this one included. */
  alike: number;
}

export interface ForgedHook {
  headers: Record<string, string>;
  body: string;
}

/** One organisation at a simulator with a proxy before it, and all that only its app knows. */
export interface Tenant {
  app: App;
  proxy: TcpProxy;
  control: VendorControl;
  /** What `POST /v1/connections` wants for it. */
  readonly body: object;
  /** How often it was asked for a token. What it is asked with is signed, by the clock of its `Date`. */
  minted(): Promise<number>;
  /** Where it is asked for what: regular expressions over path and query. */
  asked: {
    /** Any lists. */
    lists: readonly string[];
    /** A list of several pages. */
    listed: string;
    log: string;
    /** The write of an action that Castellan makes by itself. */
    write: { method: string; path: string };
  };
  /** What it does wrong with pages, such that a reader can know. */
  pages: Record<'repeated' | 'expired' | 'looping', readonly VendorFault[]> & { logExpired: VendorFault };
  /** While faults of pages strike. */
  pagesAreShort(so: boolean): Promise<void>;
  /** Rows of its log in the order of their coming, and how many are held back. */
  log(): Promise<{ ids: string[]; held: number }>;
  /** Before a round: what its actions will be about, so that the scan finds it. */
  prepare(): Promise<void>;
  /** Somebody changes something, which the log tells. What actions are about is left alone. */
  change(random: Random): Promise<void>;
  /** Somebody changes some of what `asked.listed` lists. */
  changeListed(random: Random): Promise<void>;
  /** Somebody is deleted: what was theirs only the next scan finds gone. */
  deleteUser(random: Random): Promise<void>;
  /** Since the last strict comparison that found nothing. */
  deleted: ReadonlySet<string>;
  /** What an operator would ask for, upon something that nobody else touches. `undo`: is taken back afterwards. */
  errand(random: Random, isStored: IsStored): Promise<Errand & { undo: boolean }>;
  /** `plain`: of several writes; `unshown`: the vendor does it as often as it is asked to. */
  steps(which: 'plain' | 'unshown', isStored: IsStored): Promise<Steps>;
  /** An action that does no harm when it is repeated, upon one of so many. */
  harmless(of: number): Promise<Errand[]>;
  /** Webhooks that are not the vendor's. */
  forged(): Promise<ForgedHook[]>;
  /** What is not as asked, by the vendor's own count; `disruptions`: how often an answer may have been lost. */
  misdone(settled: readonly Settled[], disruptions: number): Promise<string[]>;
  /**
   * What is stored against what the simulator itself knows. `leniently`: what was of users who were `deleted` may
   * still be there.
   */
  differences(db: Db, connectionId: string, how: 'strictly' | 'leniently'): Promise<string[]>;
  /** Of one's own run the rows that no two runs have in common are left out. */
  present(db: Db, connectionId: string): Promise<Present>;
}

export type IsStored = (kind: RecordKind, vendorId: string) => Promise<boolean>;

/** A tenant that is connected. */
export interface Subject extends Omit<Tenant, 'errand' | 'steps'> {
  /** Of this round. */
  readonly connectionId: string;
  /** Resolves while a scan is being read; asks for one when there is none. Throws `Missed` when none begins. */
  scanning(): Promise<void>;
  errand(random: Random): Promise<Errand & { undo: boolean }>;
  steps(which: 'plain' | 'unshown'): Promise<Steps>;
  /** Requests it, counts it, and expects it done exactly as often as the design allows. Resolves with its id. */
  act(errand: Errand): Promise<string>;
  /** Asks for an action that is done to be taken back; expects that as often as the design allows. */
  undo(id: string): Promise<void>;
  /** Until `so` of the action's state; its last state. */
  actionIs(id: string, so: (state: string) => boolean, withinMs?: number): Promise<string>;
}
