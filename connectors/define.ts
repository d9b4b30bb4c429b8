import type { z } from 'zod';
import type { Answer, Call } from './call.ts';
import type { AuthContext } from './authorization.ts';
import type { Connector, ConnectorSpec, OpenOptions, Push, Session, Verified } from './connector.ts';
import { Failure } from './kit/failures.ts';
import { governedDownload, governedFetch, type FetchContext } from './kit/fetch.ts';
import { originProblem } from './kit/origins.ts';
import { secretsOf } from './kit/redact.ts';
import { bareThrottleMs } from './kit/retry-after.ts';
import { createTokenStore } from './kit/tokens.ts';
import { transport } from './kit/transport.ts';

const defaultTimeoutMs = 30_000;
/** A difference below this is the second that a `Date` header cannot show, and the way. */
const clockToleranceMs = 2_000;

/** Makes of what an author writes what the engine uses: inputs checked, types erased, every call governed. */
export function defineConnector<S extends z.ZodType, C extends z.ZodType>(spec: ConnectorSpec<S, C>): Connector {
  type Settings = z.output<S>;
  type Credential = z.output<C>;
  const tokens = createTokenStore();
  /** Origin → how far its clock is ahead of ours, in milliseconds. */
  const clocks = new Map<string, number>();
  const contexts = new WeakMap<Session, AuthContext<Settings, Credential>>();

  function parse<T extends z.ZodType>(schema: T, value: unknown, name: 'settings' | 'credential'): z.output<T> {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const issue = deepest(parsed.error.issues[0]!);
    const field = [name, ...issue.path.map(String)].join('.');
    throw new Failure('invalid', `${field}: ${issue.message}`, { field, who: 'operator' });
  }

  function checkedOrigins(settings: Settings, allowLocalOrigins: boolean) {
    const origins = spec.origins(settings);
    for (const pattern of [...origins.api, ...(origins.download ?? [])]) {
      const problem = originProblem(new URL(pattern.replaceAll('*', 'any')), allowLocalOrigins);
      if (!problem) continue;
      const named = Object.entries(settings as object).find(([, value]) => sameOrigin(value, pattern));
      throw new Failure('invalid', `settings: ${pattern} is refused: ${problem}`, {
        field: named ? `settings.${named[0]}` : 'settings',
        remedy: 'give an https address on the public internet, or start the process with local origins allowed',
        who: 'operator',
      });
    }
    return origins;
  }

  function open(options: OpenOptions): Session<Settings> {
    const settings = parse(spec.settings, options.settings, 'settings');
    const credential = parse(spec.credential, options.credential, 'credential') as Credential;
    const origins = checkedOrigins(settings, options.allowLocalOrigins);
    const identity = spec.identity(credential);
    const secrets = secretsOf(credential).filter((text) => !Object.values(identity).includes(text));
    const ours = () => (options.now?.() ?? new Date()).getTime();
    const now = () => new Date(ours() + (clocks.get(origins.api[0] ?? '') ?? 0));
    let calls = 0;

    function heard(origin: string, date: Date) {
      const ahead = date.getTime() - ours();
      clocks.delete(origin);
      if (Math.abs(ahead) > clockToleranceMs) clocks.set(origin, ahead);
      if (clocks.size > 10_000) clocks.delete(clocks.keys().next().value!);
    }

    function sessionOf(subject: string | undefined): Session<Settings> {
      const ownerOf = (whom: string | null) => JSON.stringify([options.connectionId, options.credentialVersion, whom]);
      const owner = ownerOf(subject ?? null);
      const cacheOf = (name: string) => tokens.of(name, () => now().getTime(), options.signal);
      const auth: AuthContext<Settings, Credential> = {
        settings,
        credential,
        subject,
        tokens: cacheOf(owner),
        shared: cacheOf(ownerOf(null)),
        now,
        fetch: (call) => governedFetch({ ...call, anonymous: true }, context),
      };
      const context: FetchContext = {
        origins,
        allowLocalOrigins: options.allowLocalOrigins,
        dispatcher: transport(options.allowLocalOrigins),
        governor: options.governor,
        connectionId: options.connectionId,
        urgency: options.urgency,
        signal: options.signal,
        bareThrottleMs: options.times?.bareThrottleMs ?? bareThrottleMs,
        timeoutMs: options.times?.timeoutMs ?? defaultTimeoutMs,
        quotas: (call) => spec.quotas(call, { settings, tenantId: options.tenantId, identity, subject }),
        authorize: (request) => spec.authorize(request, auth),
        challenged: (answer: Answer) => spec.challenged?.(answer, auth) ?? false,
        classify: (answer: Answer, call: Call) => spec.classify?.(answer, call),
        secrets: () => [...new Set([...secrets, ...tokens.values(owner), ...tokens.values(ownerOf(null))])],
        heard,
        permitted: () => options.permitted?.(),
        observe: (event) => options.observe?.(event),
      };
      const session: Session<Settings> = {
        connectionId: options.connectionId,
        settings,
        tenantId: options.tenantId,
        identity,
        signal: options.signal,
        fetch(call) {
          calls += 1;
          return governedFetch(call, context);
        },
        download(call) {
          calls += 1;
          return governedDownload(call, context);
        },
        calls: () => calls,
        as: (name) => sessionOf(name),
        partOf: async (ref) => options.partOf?.(ref),
        recall: async (kind, vendorIds) => (await options.recall?.(kind, vendorIds)) ?? new Map(),
        haveLogin: async (logins) => (await options.haveLogin?.(logins)) ?? new Set(),
        now,
      };
      contexts.set(session as Session, auth);
      return session;
    }
    return sessionOf(undefined);
  }

  return {
    id: spec.id,
    title: spec.title,
    stages: spec.stages as Connector['stages'],
    actions: spec.actions as Connector['actions'],
    membersAmong: spec.membersAmong as Connector['membersAmong'],
    push: spec.push as Push | undefined,
    content: spec.content as Connector['content'],
    absent: spec.absent,
    partly: spec.partly ?? {},
    settingsSchema: spec.settings,
    credentialSchema: spec.credential,
    check(settings, credential, allowLocalOrigins) {
      checkedOrigins(parse(spec.settings, settings, 'settings'), allowLocalOrigins);
      parse(spec.credential, credential, 'credential');
    },
    label: (settings) => spec.label(parse(spec.settings, settings, 'settings')),
    identity: (credential) => spec.identity(parse(spec.credential, credential, 'credential') as Credential),
    open: (options) => open(options) as Session,
    async verify(session): Promise<Verified> {
      const context = contexts.get(session);
      if (!context) throw new Failure('invalid', `the session was not opened by ${spec.id}`);
      return spec.verify(session as Session<Settings>, context);
    },
  };
}

function sameOrigin(value: unknown, origin: string): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === origin;
}

type Issue = z.core.$ZodIssue;

/** Of a union's alternatives the one that came furthest: the field that is really wrong. */
function deepest(issue: Issue): { path: PropertyKey[]; message: string } {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) {
    if (issue.code === 'unrecognized_keys') return { path: [...issue.path, issue.keys[0]!], message: 'unknown field' };
    return issue;
  }
  const [best] = [...issue.errors].sort((a, b) => a.length - b.length);
  const inner = deepest(best![0]!);
  return { path: [...issue.path, ...inner.path], message: inner.message };
}
