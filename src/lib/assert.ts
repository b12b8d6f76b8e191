// Assertions for broken assumptions of our own. They are not for bad input or failing system calls:
// a failed assertion ends the process, and the restart converges (docs/architecture.md).

export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** The end of a `switch` over a closed union: does not compile while a case is missing. */
export function assertNever(value: never): never {
  throw new AssertionFailure(`unexpected value: ${JSON.stringify(value)}`);
}
