// Which of two states of one object is the later one. Pure.

/** Revisions are decimal numbers (KEP-5504); whatever else they are is not compared. */
export function isOlder(revision: string | undefined, than: string | undefined): boolean {
  if (revision === undefined || than === undefined) return false;
  if (!/^[1-9]\d*$/.test(revision) || !/^[1-9]\d*$/.test(than)) return false;
  return revision.length === than.length ? revision < than : revision.length < than.length;
}
