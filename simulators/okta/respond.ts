/** An answer in Okta's error shape. `errorId` is added when it is sent. */
export class OktaError extends Error {
  readonly status: number;
  readonly code: string;
  readonly causes: readonly string[];
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    code: string,
    summary: string,
    causes: readonly string[] = [],
    headers: Record<string, string> = {},
  ) {
    super(summary);
    this.status = status;
    this.code = code;
    this.causes = causes;
    this.headers = headers;
  }

  body(errorId: string): Record<string, unknown> {
    return {
      errorCode: this.code,
      errorSummary: this.message,
      errorLink: this.code,
      errorId,
      errorCauses: this.causes.map((errorSummary) => ({ errorSummary })),
    };
  }
}

export const invalid = (what: string, ...causes: string[]): OktaError =>
  new OktaError(400, 'E0000001', `Api validation failed: ${what}`, causes);
export const notFound = (id: string, type: string): OktaError =>
  new OktaError(404, 'E0000007', `Not found: Resource not found: ${id} (${type})`);
export const noPermission = (): OktaError =>
  new OktaError(403, 'E0000006', 'You do not have permission to perform the requested action');
export const wrongStatus = (): OktaError =>
  new OktaError(403, 'E0000038', "This operation is not allowed in the user's current status.");
export const badFilter = (why: string): OktaError =>
  new OktaError(400, 'E0000053', 'Invalid filter expression.', [why]);
export const badSearch = (why: string): OktaError => new OktaError(400, 'E0000031', `Invalid search criteria. ${why}`);
export const invalidToken = (): OktaError => new OktaError(401, 'E0000011', 'Invalid token provided');

/** OAuth refusals of the API carry their reason in WWW-Authenticate; the exact header form is not published. */
export function oauthRefused(
  status: 401 | 403,
  scheme: 'Bearer' | 'DPoP',
  error: 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof',
  description: string,
): OktaError {
  const code = status === 403 ? 'E0000006' : 'E0000011';
  const summary =
    status === 403 ? 'You do not have permission to perform the requested action' : 'Invalid token provided';
  return new OktaError(status, code, summary, [], {
    'www-authenticate': `${scheme} authorization_uri="/oauth2/v1/authorize", realm="/oauth2/v1/authorize", scope="", error="${error}", error_description="${description}", resource="/"`,
  });
}
