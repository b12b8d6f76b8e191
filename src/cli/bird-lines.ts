// The lines about BIRD and its sessions on the page of `poplin status`: what is well in short, what
// is not with the reason and what usually is behind it.

import type { BgpStatus } from '../agent/bird-status.ts';

export function birdLines(bgp: BgpStatus | undefined): string[] {
  if (bgp === undefined) return [];
  const { bird, absence, wanted, problems, leftOut, sessions } = bgp;
  const up = sessions.filter(({ state }) => state === 'established').length;
  return [
    bird === undefined ? `bird       NOT RUNNING: ${absence}` : birdLine(bird, wanted),
    ...(bird?.isRecovering === true ? ['    gets its routes back after a restart'] : []),
    ...problems.map((problem) => `  ! ${problem}`),
    `bgp        ${up} of ${sessions.length} sessions are established`,
    ...leftOut.map((problem) => `  ! ${problem}`),
    ...sessions.map(sessionLine),
  ];
}

function birdLine(bird: NonNullable<BgpStatus['bird']>, wanted: string): string {
  const since = durationWords(bird.upSeconds);
  return `bird       ${bird.version}, up ${since}, ${configWords(bird, wanted)}`;
}

function configWords(bird: NonNullable<BgpStatus['bird']>, wanted: string): string {
  const routes = `${bird.routes} routes`;
  if (bird.config === wanted) return `configuration ${wanted}, ${routes}`;
  return `configuration ${bird.config ?? 'of somebody else'} and not yet ${wanted}, ${routes}`;
}

function sessionLine(session: BgpStatus['sessions'][number]): string {
  const { name, neighbour, neighbourAs, state, sinceSeconds, channels } = session;
  const sign = state === 'established' ? ' ' : '!';
  const since = sinceSeconds === undefined ? '' : ` for ${durationWords(sinceSeconds)}`;
  const as = neighbourAs === undefined ? '' : ` AS ${neighbourAs}`;
  const routes = channels.map((each) => `${each.name} ${each.imported} in ${each.exported} out`);
  const limits = channels.flatMap(({ name: channel, importLimitHit }) =>
    importLimitHit === undefined ? [] : [`${channel} beyond the import limit: ${importLimitHit}`],
  );
  const details = [...routes, ...limits, ...extras(session)].join('; ');
  return `  ${sign} ${neighbour}${as} (${name}): ${state}${since}; ${details}`;
}

function extras({
  state,
  lastError,
  hint,
  restarting,
  bfd,
}: BgpStatus['sessions'][number]): string[] {
  const words: string[] = [];
  if (bfd !== undefined) words.push(`BFD ${bfd}`);
  if (restarting === 'neighbour') words.push('the other end restarts, its routes are kept');
  if (state !== 'established' && lastError !== undefined) words.push(`last error: ${lastError}`);
  if (hint !== '') words.push(hint);
  return words;
}

/** As long as matters: `12 s`, `3 min`, `5 h 2 min`, `4 d 3 h`. */
export function durationWords(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
