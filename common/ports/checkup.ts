/** What a look at one of the servers behind a pod finds, in an operator's words. */
export interface Finding {
  readonly check: string;
  readonly verdict: "good" | "odd" | "bad";
  readonly found: string;
  /** What to do about it; empty when good. */
  readonly advice: string;
}

export interface Checkup {
  /** Never rejects: a server that cannot be reached is a finding. */
  checkup(): Promise<readonly Finding[]>;
}
