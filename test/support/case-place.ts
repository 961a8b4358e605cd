/** Where a case's files lie while it runs. */
export interface CasePlace {
  readonly home: string;
  readonly landing: string;
}
