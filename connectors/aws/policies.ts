/** A statement of a policy document, with every "one or many" made many. */
export interface Statement {
  sid?: string;
  allow: boolean;
  actions: string[];
  /** Whether `actions` is what is excepted (`NotAction`). */
  notActions: boolean;
  resources: string[];
  notResources: boolean;
  /** `AWS`, `Service`, `Federated`, `CanonicalUser` with a value, or `*`. Empty in identity policies. */
  principals: { type: string; value: string }[];
  notPrincipals: boolean;
  condition: Record<string, Record<string, unknown>>;
  raw: unknown;
}

const list = (value: unknown): unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
const texts = (value: unknown): string[] => list(value).filter((each) => typeof each === 'string');
const record = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** A document as AWS gives it: URL-encoded (IAM) or plain JSON (S3, some stand-ins). Undefined when it is neither. */
export function parseDocument(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  for (const form of [() => text, () => decodeURIComponent(text)])
    try {
      return JSON.parse(form()) as unknown;
    } catch {
      // The other form is tried; a document that is neither is reported by the caller.
    }
  return undefined;
}

function principalsOf(value: unknown): Statement['principals'] {
  if (typeof value === 'string') return [{ type: value === '*' ? '*' : 'AWS', value }];
  return Object.entries(record(value)).flatMap(([type, values]) =>
    texts(values).map((each) => (type === 'AWS' && each === '*' ? { type: '*', value: '*' } : { type, value: each })),
  );
}

export function statementsOf(document: unknown): Statement[] {
  return list(record(document).Statement).map((raw) => {
    const statement = record(raw);
    const condition = Object.fromEntries(
      Object.entries(record(statement.Condition)).map(([operator, keys]) => [operator, record(keys)]),
    );
    return {
      sid: typeof statement.Sid === 'string' ? statement.Sid : undefined,
      allow: statement.Effect === 'Allow',
      actions: texts(statement.Action ?? statement.NotAction),
      notActions: statement.Action === undefined && statement.NotAction !== undefined,
      resources: texts(statement.Resource ?? statement.NotResource),
      notResources: statement.Resource === undefined && statement.NotResource !== undefined,
      principals: principalsOf(statement.Principal ?? statement.NotPrincipal),
      notPrincipals: statement.Principal === undefined && statement.NotPrincipal !== undefined,
      condition,
      raw,
    };
  });
}

/** Whether an IAM pattern (`s3:Get*`, `arn:aws:s3:::b/*`) covers a value. */
export function covers(pattern: string, value: string, caseless = false): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, caseless ? 'is' : 's').test(value);
}

/** Whether the statement speaks of this action at all. */
export const namesAction = (statement: Statement, action: string): boolean =>
  statement.actions.some((pattern) => covers(pattern, action, true)) !== statement.notActions;

const adminPolicies = ['AdministratorAccess', 'IAMFullAccess'];

/** Whether a managed policy is one that AWS made for administrators: the document need not be read. */
export const isAdminPolicyArn = (arn: string): boolean =>
  adminPolicies.some((name) => new RegExp(`^arn:[a-z-]+:iam::aws:policy/(.+/)?${name}$`).test(arn));

/** The rule of the vendor sheet: everything on everything, or everything of IAM, which can give itself the rest. */
export function isAdminDocument(document: unknown): boolean {
  return statementsOf(document).some(
    (statement) =>
      statement.allow &&
      !statement.notResources &&
      statement.resources.includes('*') &&
      (statement.notActions
        ? statement.actions.length === 0
        : statement.actions.some((a) => a === '*' || a === '*:*' || a.toLowerCase() === 'iam:*')),
  );
}

/** Whether a document denies everything without a condition: what makes a user suspended. */
export function isDenyAll(document: unknown): boolean {
  return statementsOf(document).some(
    (statement) =>
      !statement.allow &&
      !statement.notActions &&
      !statement.notResources &&
      statement.actions.includes('*') &&
      statement.resources.includes('*') &&
      Object.keys(statement.condition).length === 0,
  );
}
export const isDenyAllArn = (arn: string): boolean => /^arn:[a-z-]+:iam::aws:policy\/AWSDenyAll$/.test(arn);

/** The account number inside an ARN or by itself. */
export function accountIn(principal: string): string | undefined {
  if (/^\d{12}$/.test(principal)) return principal;
  return /^arn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*:(\d{12}):/.exec(principal)?.[1];
}
