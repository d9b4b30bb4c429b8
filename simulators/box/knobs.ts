/** What tests may turn while the simulator runs. Times in ms. */
export interface Knobs {
  /** General requests of one user in a window (Box: about 1000 a minute). */
  requestsPerWindow: number;
  /** Upload requests of one user in a window (Box: 240 a minute). */
  uploadsPerWindow: number;
  windowMs: number;
  /** Multiplies both limits, 0.5 halves them. */
  limitFactor: number;
  /** Who pays for a call under As-User; Box does not say. */
  charged: 'effectiveUser' | 'token' | 'both';
  /** Licensed calls of the enterprise in total; 0: no end. */
  licensedCalls: number;
  /** Percentage of each user's limit that somebody else uses up, evenly through the window. */
  otherConsumer: number;
  /** Simultaneous requests of the enterprise; Box publishes none, its quality-of-service limit answers 429 without a fixed number. */
  concurrency: number;
  /** Added to every answer. */
  latencyMs: number;
  /** The vendor's clock against this machine's. */
  clockSkewMs: number;
  /** Lifetime of access tokens (Box: about 60 minutes, varying). */
  accessTokenMs: number;
  /** Lifetime of a download address (Box: about 15 minutes). */
  downloadUrlMs: number;
  /** How fast the download host hands out content; 0: as fast as it is taken. */
  downloadBytesPerSecond: number;
  /** Downloads right after an upload answer 202 for that long. */
  notReadyMs: number;
  /** Items stay in the trash that long (Box: 30 days). */
  trashMs: number;
  /** False: deleting is for ever, the enterprise has no trash. */
  trash: boolean;
  /** Whether links of what is in a folder outlive its stay in the trash; Box does not say. */
  linksBelowTrash: 'kept' | 'lost';
  /** The widest shared link that the enterprise allows. */
  widestLink: 'open' | 'company' | 'collaborators';
  /** Which lists of collaborations also show the inherited ones. */
  inheritedCollaborations: 'files' | 'all' | 'none';
  /** Whether As-User works for inactive users; Box does not say. */
  asInactiveUser: 'allowed' | 'refused';
  /** How a missing scope is said: by header only, or with a JSON body. */
  missingScope: 'header' | 'json';
  /** How the stream position is written in JSON. */
  positionForm: 'string' | 'number';
  /** Part of the rows that appear in the streaming log a second time. */
  duplicateProbability: number;
  /** Part of the rows that are recorded later than they happened, and how much later. */
  lateProbability: number;
  lateMs: number;
  /** Part of the pages of a stream that hold fewer rows than asked for although more follow. */
  shortPageProbability: number;
  /** After that long a termination job is done and its event is written. */
  sessionJobMs: number;
  /** A marker is refused after that long; 0: never. */
  markerMs: number;
  hooks: HookKnobs;
}

export interface HookKnobs {
  lagMs: number;
  /** Box waits 30 s for an answer. */
  timeoutMs: number;
  /** Deliveries of one event in all (Box: 10 to 12 over 2 hours). */
  attempts: number;
  /** First wait before a retry; it doubles. */
  retryMs: number;
  duplicateProbability: number;
  lossProbability: number;
  reorder: boolean;
  /** Hooks per app and user (Box: 1000). */
  limit: number;
  /** Box demands https; true also takes http://127.0.0.1. */
  allowHttp: boolean;
}

export function defaultKnobs(): Knobs {
  return {
    requestsPerWindow: 1_000,
    uploadsPerWindow: 240,
    windowMs: 60_000,
    limitFactor: 1,
    charged: 'effectiveUser',
    licensedCalls: 0,
    otherConsumer: 0,
    concurrency: 100,
    latencyMs: 0,
    clockSkewMs: 0,
    accessTokenMs: 3_936_000,
    downloadUrlMs: 900_000,
    downloadBytesPerSecond: 0,
    notReadyMs: 0,
    trashMs: 30 * 86_400_000,
    trash: true,
    linksBelowTrash: 'kept',
    widestLink: 'open',
    inheritedCollaborations: 'files',
    asInactiveUser: 'allowed',
    missingScope: 'header',
    positionForm: 'string',
    duplicateProbability: 0.05,
    lateProbability: 0,
    lateMs: 120_000,
    shortPageProbability: 0,
    sessionJobMs: 1_000,
    markerMs: 0,
    hooks: {
      lagMs: 0,
      timeoutMs: 30_000,
      attempts: 10,
      retryMs: 1_000,
      duplicateProbability: 0,
      lossProbability: 0,
      reorder: false,
      limit: 1_000,
      allowHttp: false,
    },
  };
}

export type KnobsPatch = Partial<Omit<Knobs, 'hooks'>> & { hooks?: Partial<HookKnobs> };
