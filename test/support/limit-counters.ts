export type LimitKind = 'fixed' | 'sliding' | 'bucket';

/** One limit as a vendor counts it; times in milliseconds. */
export interface LimitCounter {
  /** False when the call must be refused. */
  take(at: number, limit: number, cost?: number): boolean;
  remaining(at: number, limit: number): number;
  resetInMs(at: number, limit: number): number;
}

/** Windows of that length, the first of which begins with the first call. */
function fixedWindow(windowMs: number): LimitCounter {
  let began = -Infinity;
  let used = 0;
  const roll = (at: number) => {
    if (at < began + windowMs) return;
    began = at;
    used = 0;
  };
  return {
    take(at, limit, cost = 1) {
      roll(at);
      if (used + cost > limit) return false;
      used += cost;
      return true;
    },
    remaining: (_at, limit) => Math.max(0, limit - used),
    resetInMs: (at) => began + windowMs - at,
  };
}

/** At any time the calls of the last so many milliseconds. */
function slidingWindow(windowMs: number): LimitCounter {
  let units: number[] = [];
  const prune = (at: number) => (units = units.filter((then) => then > at - windowMs));
  return {
    take(at, limit, cost = 1) {
      prune(at);
      if (units.length + cost > limit) return false;
      for (let n = 0; n < cost; n += 1) units.push(at);
      return true;
    },
    remaining: (_at, limit) => Math.max(0, limit - units.length),
    // When one more would be accepted.
    resetInMs: (at, limit) => (units[Math.max(0, units.length - limit)] ?? at) + windowMs - at,
  };
}

/** A bucket that holds a window's worth of calls and is filled evenly. */
function tokenBucket(windowMs: number): LimitCounter {
  let tokens: number | undefined;
  let filledAt = 0;
  const fill = (at: number, limit: number) => {
    tokens = Math.min(limit, (tokens ?? limit) + ((at - filledAt) * limit) / windowMs);
    filledAt = at;
    return tokens;
  };
  return {
    take(at, limit, cost = 1) {
      if (fill(at, limit) < cost) return false;
      tokens! -= cost;
      return true;
    },
    remaining: (at, limit) => Math.floor(fill(at, limit)),
    resetInMs: (at, limit) => ((limit - fill(at, limit)) * windowMs) / limit,
  };
}

export const limitCounters: Record<LimitKind, (windowMs: number) => LimitCounter> = {
  fixed: fixedWindow,
  sliding: slidingWindow,
  bucket: tokenBucket,
};
