import type { z } from 'zod';
import type { ContentOf } from './content.ts';
import type { Urgency, Charge, Governor } from './quota.ts';
import type { ActionName, ActionTarget } from './actions.ts';
import type { Answer, Call, CallEvent, Download } from './call.ts';
import type { AuthContext, Origins, OutgoingRequest } from './authorization.ts';
import type { Children, FolderRef, Looked, Page, PageRequest, Part, Ref } from './pages.ts';
import type { PushAnswer, PushRequest } from './push-request.ts';
import type { Failure, FailureKind } from './kit/failures.ts';
import type { AnyRecord, RecordKind, StageName, StageRecords } from './records.ts';

/** What a connector works with: the governed way to the app, as one connection. */
export interface Session<S = unknown> {
  readonly connectionId: string;
  readonly settings: S;
  /** Known once `verify` has passed. */
  readonly tenantId?: string;
  /** The public part of the credential, as `identity` of the spec gives it. */
  readonly identity: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  fetch(call: Call): Promise<Answer>;
  /** As `fetch`, and `timeoutMs` is for the head of the answer and for each piece of the body. */
  download(call: Call): Promise<Download>;
  /** The same session acting as a user of the app. */
  as(subject: string): Session<S>;
  /**
   * The part in which an object was last seen. Where only its owner, its drive or its namespace can reach an object this
   * tells whose, which the object's id alone does not. Undefined when it was never seen.
   */
  partOf(ref: Pick<Ref, 'kind' | 'vendorId'>): Promise<string | undefined>;
  /** What is stored of these, by `vendorId`; without what is gone or missing. */
  recall(kind: RecordKind, vendorIds: readonly string[]): Promise<ReadonlyMap<string, Recalled>>;
  /** How many calls were made so far, whoever was acted as; those for tokens do not count. */
  calls(): number;
  /** Those of these logins, in lower case, that a stored account has. */
  haveLogin(logins: readonly string[]): Promise<ReadonlySet<string>>;
  now(): Date;
}

/** A record as it is stored. */
export interface Recalled {
  record: AnyRecord;
  part: string;
  /** When it was last seen so. */
  observedAt: Date;
  hash: string;
}

/** A stage without `parts` has one part, ''. A missing member says that the app cannot. */
export interface Stage<R, S = unknown> {
  parts?(session: Session<S>, request: PageRequest): Promise<Page<Part>>;
  /** Everything of the part, as of now. An empty page with `next` goes on; a repeated cursor is an error. */
  sweep?(session: Session<S>, request: PageRequest): Promise<Page<R>>;
  /**
   * Since `checkpoint`. Without one: opens the feed at `from ?? now` and returns only the checkpoint. `next` is absent
   * when nothing more is there now.
   */
  changes?(session: Session<S>, request: PageRequest): Promise<Page<R>>;
  /** The present state of a few objects. A ref's kind may be of any kind the stage reads. */
  lookup?(session: Session<S>, refs: readonly Ref[]): Promise<Looked<R>>;
  /** The part that sweeps a record which a look brought, where the record tells: it may have gone from one to another. */
  sweptIn?(record: R): string | undefined;
  /**
   * Asked of a folder that came into sight with contents of which nothing else tells: out of the trash, out of a tree of
   * somebody else, as a copy. One level deep; `cursor` is the `next` of before. Where it was in the trash, also what was
   * there before it, which an app may show by itself from now on.
   */
  children?(session: Session<S>, folder: FolderRef, cursor?: string): Promise<Children<R>>;
  /** After the commit (queues). */
  acknowledge?(session: Session<S>, receipt: string): Promise<void>;
  /** How far back a first scan asks for activities, and how late rows may come. */
  retentionMs?: number;
  latenessMs?: number;
}

/** What `read` found: stored once before anything is written, compared before apply, restored by undo. */
export interface Before<B> {
  /** JSON; holds all that undo needs. */
  state: B;
  /** Sentences for the operator: what will be called and changed. */
  plan: readonly string[];
  /** What cannot be undone, told beforehand. */
  irreversible: readonly string[];
  /** How many calls `apply` makes. That it is read once more before, as this was, is added. */
  calls: number;
  /** How often `apply` reads all of it as this did, which `calls` then leaves out. */
  rereads?: number;
  /** Calls for the plan alone: a reading that knows `before` is spared them. */
  once?: number;
  /** The wished state is there already: apply will write nothing. */
  done?: boolean;
  /** The account acted upon, by all names that an operator may have protected it by: its id, its login. */
  principal?: string | readonly string[];
  /** The account whose object is taken away or written over. Refused where it is protected; our own may be. */
  owner?: string;
  /** What it acts upon, and what must be read again afterwards. */
  touches: readonly Ref[];
  /** Who will not get in any more, one by one, as far as the app tells. Refused where one of them is protected. */
  losesAccess?: readonly LostAccess[];
}

/** A person, a group or "whoever has the link", the way in that ends, and by what other names they may be protected. */
export interface LostAccess {
  who: string;
  how: string;
  names?: readonly string[];
  /** Whose members it is that lose it, as its record names the group: refused where one of them is protected. */
  group?: string;
}

export type Applied<B> = { after: B } | { pending: string; againInMs: number };

export interface Action<T, B, S = unknown> {
  /** Never writes: the state, the plan, what cannot be undone. `before`, where it was read before, tells whose it was. */
  read(session: Session<S>, target: T, before?: B): Promise<Before<B>>;
  /** Writes, then reads back. Refuses with `conflict` what the app will not do. */
  apply(session: Session<S>, target: T, before: B): Promise<Applied<B>>;
  check?(session: Session<S>, pending: string): Promise<Applied<B>>;
  /**
   * From the stored pair back to `before`; what cannot be given back does not keep the rest away. Answers sentences on
   * what the app did not take and why.
   */
  undo?(session: Session<S>, target: T, before: B, after: B): Promise<readonly string[] | void>;
  /** What of a state an undo can give back to the letter: without the ids that it makes anew. Absent: all of it. */
  restorable?(state: B): ActionState;
  /** Whether `state` shows the wished outcome: the proof. */
  verified(before: B, after: B): boolean;
  /** Why the app shows no outcome. `verified` then says only that it took the request, and nothing is called proved. */
  unverifiable?: string;
  /** With such a refusal `read` says that nobody gets at the object any more: what was taken away stays away. */
  standsWhen?: readonly FailureKind[];
  /** After a crash: found done by reading, or safe to do once more. */
  repeat: 'readable' | 'harmless';
}

export interface Received {
  touched: readonly Ref[];
  parts: readonly { stage: StageName; part: string }[];
  /** Of what was sent, under the sender's proof, the same when it is sent again: then it is not taken once more. */
  id?: string;
  /** The app ended the subscription, or some of it: it is made again. */
  lapsed?: boolean;
  answer?: PushAnswer;
}
export interface Subscription {
  /** The vendor's id of it. */
  id: string;
  expiresAt?: Date;
  /** Not all of it is there yet: `subscribe` goes on from here. */
  next?: string;
}
/** As it is stored, with the address that all of it was given. */
export type Subscribed = Subscription & { url: string };
export interface Push<S = unknown> {
  /**
   * Keys that the vendor made and the operator gave with the credential. Where there are any they take the place of the
   * connection's own webhook secret, which is for vendors that let a caller choose one.
   */
  keysOf?(credential: unknown): readonly string[];
  /** Before any connection is known. */
  route(request: PushRequest): { connectionIds: readonly string[] } | { answer: PushAnswer };
  /** Throws Failure `unauthorized` when it is not the vendor's. Constant-time; several secrets while one is rotated. */
  receive(request: PushRequest, secrets: readonly string[]): Received;
  /**
   * `url` is unguessable and ends in the connection's id. Takes over its own earlier subscription, whatever its address,
   * and removes what is wanted no more of it. In steps if it takes many calls: each answers with all that is there so far.
   */
  subscribe(session: Session<S>, options: { url: string; secret: string; known?: Subscribed }): Promise<Subscription>;
  renew?(session: Session<S>, subscription: Subscription): Promise<Subscription>;
  unsubscribe(session: Session<S>, subscription: Subscription): Promise<void>;
}

export type Capability = StageName | ActionName | 'push' | 'content';
/** What probing found. `unknown` where only doing it would tell. */
export interface Probe {
  state: 'granted' | 'missing' | 'unknown';
  /** What is missing: a scope, a role, an IAM action. */
  missing?: string;
  remedy?: string;
}

export interface Verified {
  /** `id` is what makes two connections one: the org id, the AWS account number. */
  tenant: { id: string; name: string };
  /** Whose credential it is. Never acted upon. */
  principal: { id: string; name: string };
  /** Scopes, roles, policies: as the vendor names them. */
  granted: readonly string[];
  expiresAt?: Date;
  probes: Partial<Record<Capability, Probe>>;
}

export interface ConnectorSpec<S extends z.ZodType, C extends z.ZodType> {
  id: string;
  title: string;
  settings: S;
  credential: C;
  /** How people call this tenant before it is verified: `acme.okta.com`. */
  label(settings: z.output<S>): string;
  origins(settings: z.output<S>): Origins;
  /** What may be shown and used of the credential: its form, a client id, a key id. */
  identity(credential: z.output<C>): Record<string, string>;
  /** `subject` is who is acted as, where the app counts each of its users apart. */
  quotas(
    call: Call,
    tenant: { settings: z.output<S>; tenantId?: string; identity: Record<string, string>; subject?: string },
  ): Charge[];
  authorize(request: OutgoingRequest, context: AuthContext<z.output<S>, z.output<C>>): Promise<void> | void;
  /** A nonce or a stale token: repaired, true sends the request once more. Asked at most twice a call. */
  challenged?(answer: Answer, context: AuthContext<z.output<S>, z.output<C>>): Promise<boolean> | boolean;
  /** Only where a status lies. */
  classify?(answer: Answer, call: Call): Failure | undefined;
  verify(session: Session<z.output<S>>, context: AuthContext<z.output<S>, z.output<C>>): Promise<Verified>;
  stages: { [N in StageName]?: Stage<StageRecords[N], z.output<S>> };
  // The state differs by action and connector: any JSON object here, typed where it is written.
  actions: { [N in ActionName]?: Action<ActionTarget<N>, object, z.output<S>> };
  /** Those of these ids and logins, as given, that are in a group now. Without it the stored memberships tell. */
  membersAmong?(session: Session<z.output<S>>, groupId: string, names: readonly string[]): Promise<readonly string[]>;
  push?: Push<z.output<S>>;
  content?: ContentOf<Session<z.output<S>>>;
  /** Why a capability is not there: `not applicable: Okta stores no files`. Shown in the capability table. */
  absent: Partial<Record<Capability, string>>;
  /** What a capability that is there does not reach; shown in the same table. */
  partly?: Partial<Record<Capability, string>>;
}

export interface OpenOptions {
  connectionId: string;
  tenantId?: string;
  settings: unknown;
  credential: unknown;
  credentialVersion: number;
  governor: Governor;
  urgency: Urgency;
  signal: AbortSignal;
  /** Permits origins that are not https and public; for tests and the demo. */
  allowLocalOrigins: boolean;
  now?: () => Date;
  /** What the store knows of where an object was last seen. */
  partOf?: Session['partOf'];
  recall?: Session['recall'];
  haveLogin?: Session['haveLogin'];
  /** Milliseconds: what a throttle without a stated wait costs (60 s), and how long an answer may take (30 s). */
  times?: { bareThrottleMs?: number; timeoutMs?: number };
  /** Asked last before each call, when its permit is there: what it throws keeps the call from being sent. */
  permitted?: () => void;
  /** Told of every call that was answered or failed, for traces and counts. */
  observe?: (event: CallEvent) => void;
}

export type ActionState = Record<string, unknown>;

/** What the engine uses: a spec whose types are erased, with its inputs checked. */
export interface Connector {
  readonly id: string;
  readonly title: string;
  readonly stages: { [N in StageName]?: Stage<AnyRecord> };
  readonly actions: { [N in ActionName]?: Action<ActionTarget, ActionState> };
  readonly membersAmong?: (session: Session, groupId: string, names: readonly string[]) => Promise<readonly string[]>;
  readonly push?: Push;
  readonly content?: ContentOf<Session>;
  readonly absent: Partial<Record<Capability, string>>;
  readonly partly: Partial<Record<Capability, string>>;
  readonly settingsSchema: z.ZodType;
  readonly credentialSchema: z.ZodType;
  /** Throws Failure `invalid` with `field`; also for an origin that is not allowed. */
  check(settings: unknown, credential: unknown, allowLocalOrigins: boolean): void;
  label(settings: unknown): string;
  /** The public part of a credential; throws Failure `invalid` like `check`. */
  identity(credential: unknown): Record<string, string>;
  open(options: OpenOptions): Session;
  verify(session: Session): Promise<Verified>;
}
