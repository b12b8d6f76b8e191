// What is wrong with a flag of `poplin agent`: errors that name the flag, the value and what would
// be right. Pure.

import { AppError } from '../lib/errors.ts';

export const usage = (detail: string): AppError => new AppError('USAGE', 'poplin agent', detail);

export const wrong = (flag: string, text: string, right: string): AppError =>
  usage(`--${flag} "${text}" is not ${right}`);
