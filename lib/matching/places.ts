/** Below it, in the vault's bucket, stands what a comparing needs while it goes on: values of persons, in clear. A rule of the bucket removes what a process that died left. */
export const MATCH_PREFIX = 'match/';
