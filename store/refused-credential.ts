/** A credential that was given in place of the one in use and that the app, or its tenant, did not accept. */
export interface RefusedCredential {
  at: Date;
  by: string;
  identity: Record<string, string>;
  kind?: string;
  what: string;
  who: string;
  remedy?: string;
}
