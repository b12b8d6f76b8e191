// Gives this process's main thread the processor before all ordinary ones, so that a probe is sent
// when it is due on a busy machine too. A better nice value would not do: with autogroups, of which
// sched(7) tells, it counts only among the processes of one session. Where neither is allowed,
// numbers are merely less good, and the pauses are told.

import { constants, setPriority } from 'node:os';
import koffi from 'koffi';

const SCHED_RR = 2;
/** The lowest of the real-time ones: before everybody, but behind the kernel's own threads. */
const PRIORITY = 1;

export function takePrecedence(): void {
  const parameter = Buffer.alloc(4);
  parameter.writeInt32LE(PRIORITY);
  const schedule = koffi
    .load(null)
    .func('int sched_setscheduler(int pid, int policy, void *parameter)');
  if (schedule(0, SCHED_RR, parameter) === 0) return;
  try {
    setPriority(constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Not allowed here.
  }
}
