import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Executions } from '../../ledger/locks.ts';

/** Executions of this process that have not ended. */
const live = new Set<string>();
let begun = 0;

/** Runs one execution, which gets its id: host, process, start of the process, number. */
export async function asExecution<T>(work: (id: string) => Promise<T>): Promise<T> {
  begun += 1;
  const id = `${nameOf(hostname(), process.pid)}|${begun}`;
  live.add(id);
  try {
    return await work(id);
  } finally {
    live.delete(id);
  }
}

/** An execution is gone when its process has ended it, runs no more, or another process has its id by now. Of other hosts nothing is known. */
export const localExecutions: Executions = {
  async isGone(id) {
    return hasEnded(id) || (id.startsWith(`${thisProcess()}|`) && !live.has(id));
  },
};

/** Host, process, start of the process. */
export const thisProcess = (): string => nameOf(hostname(), process.pid);

/** Whether the process that a name or an execution's id begins with runs no more. Of other hosts nothing is known. */
export function hasEnded(name: string): boolean {
  const [host = '', pid] = name.split('|');
  return host === hostname() && !`${name}|`.startsWith(`${nameOf(host, Number(pid))}|`);
}

const nameOf = (host: string, pid: number): string => `${host}|${pid}|${startOf(pid)}`;

/** Start of the process in ticks since boot (proc(5), field 22 of stat); empty where it does not run. */
function startOf(pid: number): string {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return '';
  }
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' ? '' : (fields[19] ?? '');
  } catch {
    // No proc file system here: the process id alone has to do.
    return 'runs';
  }
}
