// What BIRD said cannot be understood: the only error that decoding throws. The connection is not
// used any more then, since nobody knows where the next reply begins.

export class BirdDecodeError extends Error {
  override readonly name = 'BirdDecodeError';

  constructor(problem: string, text: string) {
    super(`${problem}: "${text.length > 120 ? `${text.slice(0, 120)}…` : text}"`);
  }
}
