// `lab switch`: changes the backend of a lab while a prober measures, between one pod of each pair
// of nodes, what is lost. It begins a little before the change and goes on after the last node has
// moved, until the devices that became useless are gone, since their going could lose packets too.

import type { Clock } from '../lib/clock.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { RunCommand } from './command.ts';
import type { Delays } from './late-nodes.ts';
import { drawDelays, LateNodes } from './late-nodes.ts';
import { LossWitness, placesOf } from './loss-witness.ts';
import type { BackendChange } from './net-conf-change.ts';
import { leavesDevices, untilGone, vxlanDevices } from './old-devices.ts';
import { podRecords } from './pods.ts';
import { planProbes } from './probe-plan.ts';
import type { MeasurementPlan, MeasurementResult } from './prober/measurement.ts';
import { ProberClient } from './prober-client.ts';
import type { Lab, PreparedSwitch } from './switch-backend.ts';
import { prepareSwitch, switchBackend } from './switch-backend.ts';
import type { SwitchReport, SwitchTiming } from './switch-report.ts';
import { reportOf } from './switch-report.ts';

export type MeasuredSwitchParts = {
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly random: () => number;
  /** How the prober is started. */
  readonly program: readonly string[];
  /** The nodes see the change up to so much apart. */
  readonly delayMs: number;
};

/** Before the change, as the measure of what was so already. */
const LEAD_MS = 300;
const TAIL_MS = 1_500;
/** Nodes keep what became useless for 5 s; more for machines that are slow. */
const OLD_DEVICES_TIMEOUT_MS = 30_000;
/** To BGP, BIRD takes ten seconds where nothing is wrong. */
const MOVE_TIMEOUT_MS = 120_000;

/** Throws CONFIG_INVALID when the change is refused; then everything is as before. */
export async function measuredSwitch(
  lab: Lab,
  change: BackendChange,
  parts: MeasuredSwitchParts,
): Promise<SwitchReport> {
  const { plan, directory } = lab;
  const nodeNames = plan.nodes.map(({ name }) => name);
  const prepared = await prepareSwitch(lab, change);
  const devices = await vxlanDevices(plan, parts.run);
  const probes = planProbes(nodeNames, podRecords(directory), plan.spec.families);
  const delays = parts.delayMs > 0 ? drawDelays(nodeNames, parts.delayMs, parts.random) : NO_DELAYS;
  const stations = podRecords(directory).filter(({ name }) =>
    probes.stations.some((station) => station.name === name),
  );
  const witness = LossWitness.start(placesOf(plan, stations));
  let prober: ProberClient | undefined;
  try {
    prober = await startProber(probes, parts);
    await parts.clock.sleep(LEAD_MS);
    const moved = await moveLate({ lab, prepared, delays }, parts);
    const movedAtMs = parts.clock.monotonicMs();
    const oldDevices = await untilQuiet({ lab, prepared, devices }, parts);
    const tailMs = parts.clock.monotonicMs() - movedAtMs;
    const result = prober === undefined ? NOTHING_MEASURED : await prober.finish();
    const timing = { ...moved, tailMs, oldDevices, delays };
    const evidence = witness.tellOf(result);
    return reportOf({ type: change.type, nodeNames, probes, result, timing, evidence });
  } finally {
    witness.close();
    prober?.close();
  }
}

const NO_DELAYS: Delays = new Map();

const NOTHING_MEASURED: MeasurementResult = {
  ...{ pairs: [], streams: [], overflowCount: 0, startedAt: '', durationMs: 0 },
  ...{ stalls: { count: 0, longestMs: 0 }, unheard: [] },
};

const startProber = async (
  probes: MeasurementPlan,
  { program, clock }: MeasuredSwitchParts,
): Promise<ProberClient | undefined> =>
  probes.pairs.length === 0 ? undefined : ProberClient.start(program, probes, clock);

type Move = { readonly lab: Lab; readonly prepared: PreparedSwitch; readonly delays: Delays };

/** A node that had not moved in time is part of the report: what was lost is told all the same. */
async function moveLate(
  { lab, prepared, delays }: Move,
  { clock, delayMs }: MeasuredSwitchParts,
): Promise<Pick<SwitchTiming, 'movedMs' | 'late'>> {
  const done = new AbortController();
  const lateNodes = delays.size === 0 ? undefined : LateNodes.stop(lab, delays);
  // It ends with this function; an interruption of it is one of what is waited for here as well.
  const goingOn = lateNodes?.goOnLate(clock, done.signal).catch(() => undefined);
  try {
    const timeoutMs = MOVE_TIMEOUT_MS + delayMs;
    return { movedMs: await switchBackend(lab, prepared, { clock, timeoutMs }), late: '' };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'LAB') throw error;
    return { movedMs: null, late: describeError(error) };
  } finally {
    lateNodes?.goOn();
    done.abort();
    await goingOn;
  }
}

type After = Omit<Move, 'delays'> & { readonly devices: ReadonlySet<string> };

async function untilQuiet(
  { lab, prepared, devices }: After,
  { run, clock }: MeasuredSwitchParts,
): Promise<SwitchTiming['oldDevices']> {
  await clock.sleep(TAIL_MS);
  const { before, after } = prepared;
  if (devices.size === 0 || !leavesDevices(before.config, after.config, lab.plan)) return 'none';
  const where = { plan: lab.plan, run, clock };
  return (await untilGone(devices, where, OLD_DEVICES_TIMEOUT_MS)) ? 'gone' : 'kept';
}
