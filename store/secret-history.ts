/** What became of a connection's credential and webhook secret. */
export interface SecretHistory {
  /** When the newest credential was given, and the newest version that the app accepted. */
  credentialAt?: Date;
  provedCredentialVersion?: number;
  /** The newest one that was given and not taken, until one is. */
  refusedCredential?: RefusedCredential;
  /** How often the webhook secret was rotated; the subscription tells how far the vendor is. */
  webhookRotations?: number;
  /** The vendor has the newest: until when the one before is taken too. */
  webhookOverlapUntil?: Date;
}

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
