// A POSIX archive (ustar) from texts in memory: names of up to 100 bytes, no directories, all of
// root and readable by root alone. Pure.

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;

export type BundleFile = { readonly name: string; readonly text: string };

export function renderTar(files: readonly BundleFile[], modified: Date): Buffer {
  const seconds = Math.floor(modified.getTime() / 1000);
  const parts = files.flatMap(({ name, text }) => {
    const bytes = Buffer.from(text);
    const padding = Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES);
    return [header(name, bytes.length, seconds), bytes, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function header(name: string, sizeBytes: number, seconds: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name.slice(0, NAME_BYTES), 0, 'latin1');
  const octal = (value: number, at: number, length: number): void => {
    block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
  };
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(sizeBytes, 124, 12);
  octal(seconds, 136, 12);
  // The sum is taken with blanks where it will stand.
  block.fill(' ', 148, 156);
  block.write('0', 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  block.write('root', 265, 'latin1');
  block.write('root', 297, 'latin1');
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  block[154] = 0;
  return block;
}
