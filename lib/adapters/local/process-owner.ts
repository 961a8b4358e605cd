import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Owner } from '../../ledger/locks.ts';

/** This process as a lock owner. A process of this host that runs no more, or whose id another one has by now, is gone at once. */
export function processOwner(): Owner {
  const host = hostname();
  return {
    name: nameOf(host, process.pid),
    isGone(owner) {
      const [where, pid] = owner.split('|');
      if (where !== host) return false;
      return nameOf(host, Number(pid)) !== owner;
    },
  };
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
