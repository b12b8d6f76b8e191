// The formats of files that an agent leaves for the next one, which may be of another version of
// Poplin. A file of the version before is read; one of a version to come is never written over: it
// is left, or set aside, so that nothing is lost to somebody who goes back and forth.

/** What is written before versions were: no file of ours says so itself. */
const UNVERSIONED = 1;

/** Of a JSON object's format. */
export function formatVersionOf(json: unknown): number {
  if (typeof json !== 'object' || json === null || !('version' in json)) return UNVERSIONED;
  return typeof json.version === 'number' ? json.version : UNVERSIONED;
}

export const newerFormat = (version: number, knownVersion: number): string =>
  `its format is ${version}, of a newer Poplin; this one knows formats up to ${knownVersion}`;

/** Where a file of a newer format waits for its own version of Poplin. */
export const asidePath = (path: string, version: number): string => `${path}.format-${version}`;
