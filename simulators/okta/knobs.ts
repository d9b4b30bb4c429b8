export const TIERS = ['free', 'oneApp', 'enterprise', 'workforce'] as const;
export type Tier = (typeof TIERS)[number];

/** What tests may turn while the simulator runs. Times in ms. */
export interface Knobs {
  /** Which column of the last published rate table holds. */
  tier: Tier;
  /** Length of a rate window; Okta's is about 60 s. */
  windowMs: number;
  /** Percentage of each bucket that one token or app may use (Okta's default 50). */
  share: number;
  /** The same for single token ids or client ids. */
  shares: Record<string, number>;
  /** Multiplies every limit, 0.5 halves them. */
  limitFactor: number;
  /** Exact org-wide limits by bucket name, instead of the tier's. */
  limits: Record<string, number>;
  /** Percentage of each org bucket that somebody else uses up, evenly through the window. */
  otherConsumer: number;
  /** Simultaneous requests of the org (75, Integrator Free 35). */
  concurrency: number;
  /** Added to every answer. */
  latencyMs: number;
  /** The vendor's clock against this machine's. */
  clockSkewMs: number;
  /** How long `search` still shows the old state of a user or group. */
  searchLagMs: number;
  /** Lifetime of minted access tokens. */
  accessTokenMs: number;
  /** Rows of users, groups, members and grants on a page, if fewer than asked for; 0: as asked. */
  pageRows: number;
  /** The `Date` header against the vendor's clock. */
  dateSkewMs: number;
  /** What reading other people's roles answers without super admin. */
  rolesWithoutRight: 'refused' | 'empty';
  /** Part of the log rows that are persisted later than they were published, and how much later. */
  lateProbability: number;
  lateMs: number;
  /** Part of the log rows that are persisted twice, with the same uuid. */
  duplicateProbability: number;
  /** A bounded query of the log gives the newest first, whatever order it asked for. */
  logNewestFirst: boolean;
  /** Deactivation takes this long when asked for asynchronously. */
  asyncDeactivateMs: number;
  hooks: HookKnobs;
}

export interface HookKnobs {
  /** How long events are gathered into one delivery. */
  batchMs: number;
  batchMax: number;
  /** Okta waits 3 s for an answer. */
  timeoutMs: number;
  lagMs: number;
  duplicateProbability: number;
  lossProbability: number;
  reorder: boolean;
}

export function defaultKnobs(): Knobs {
  return {
    tier: 'enterprise',
    windowMs: 60_000,
    share: 50,
    shares: {},
    limitFactor: 1,
    limits: {},
    otherConsumer: 0,
    concurrency: 75,
    latencyMs: 0,
    clockSkewMs: 0,
    searchLagMs: 0,
    accessTokenMs: 3_600_000,
    pageRows: 0,
    dateSkewMs: 0,
    rolesWithoutRight: 'refused',
    lateProbability: 0,
    lateMs: 120_000,
    duplicateProbability: 0,
    logNewestFirst: false,
    asyncDeactivateMs: 1_000,
    hooks: {
      batchMs: 200,
      batchMax: 100,
      timeoutMs: 3_000,
      lagMs: 0,
      duplicateProbability: 0,
      lossProbability: 0,
      reorder: false,
    },
  };
}

export type KnobsPatch = Partial<Omit<Knobs, 'hooks'>> & { hooks?: Partial<HookKnobs> };
