/** The ways in which vendors say how long to wait. */
export const THROTTLE_FORMS = [
  /** `Retry-After: 30` */
  'seconds',
  /** `Retry-After: Wed, 21 Oct 2026 07:28:00 GMT` */
  'date',
  /** `X-Rate-Limit-Reset` in seconds since 1970. */
  'reset',
  /** The same in milliseconds. */
  'resetMs',
  /** `RateLimit-Remaining` and `-Reset`, in seconds from now. */
  'rateLimit',
  /** `RateLimit: "default";r=0;t=30` */
  'rateLimitMembers',
  /** Nothing at all. */
  'bare',
] as const;
export type ThrottleForm = (typeof THROTTLE_FORMS)[number];

/** Header lines that ask for `ms` from `now`, the vendor's clock; `value` instead says whatever it says, and nothing else is said. */
export function throttleHeaders(form: ThrottleForm, ms: number, now: number, value?: string): Record<string, string> {
  const seconds = String(Math.ceil(ms / 1_000));
  const left = (name: string): Record<string, string> => (value === undefined ? { [name]: '0' } : {});
  switch (form) {
    case 'seconds':
      return { 'retry-after': value ?? seconds };
    case 'date':
      return { 'retry-after': value ?? new Date(now + ms).toUTCString() };
    case 'reset':
      return {
        ...left('x-rate-limit-remaining'),
        'x-rate-limit-reset': value ?? String(Math.ceil((now + ms) / 1_000)),
      };
    case 'resetMs':
      return { ...left('x-rate-limit-remaining'), 'x-rate-limit-reset': value ?? String(now + ms) };
    case 'rateLimit':
      return { ...left('ratelimit-remaining'), 'ratelimit-reset': value ?? seconds };
    case 'rateLimitMembers':
      return { ratelimit: `"default";r=0;t=${value ?? seconds}` };
    case 'bare':
      return {};
  }
}
