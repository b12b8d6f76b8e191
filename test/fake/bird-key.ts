// The key that texts of bird.conf are named by, in tests.

export const KEY = '0123456789abcdef0123456789abcdef';
