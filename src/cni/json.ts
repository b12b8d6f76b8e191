// Reading JSON objects whose keys come in any letter case: containerd sends Go's field names
// (`IngressRate`) where CRI-O and podman send JSON's (`ingressRate`). Pure.

/** The value of a key; one that is written exactly so goes before others. */
export function valueIn(
  object: Readonly<Record<string, unknown>> | undefined,
  key: string,
): unknown {
  if (object === undefined) return undefined;
  if (Object.hasOwn(object, key)) return object[key];
  const lowerCase = key.toLowerCase();
  const found = Object.keys(object).find((each) => each.toLowerCase() === lowerCase);
  return found === undefined ? undefined : object[found];
}
