// Which boot this is: another text after each (random(4)), and readable in every container. What is
// written down by it means something until the next boot alone. In a lab all nodes share one.

import { readFileSync } from 'node:fs';

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

export const readBootId = (): string => readFileSync(BOOT_ID_FILE, 'utf8').trim();
