// ESM all through: the code runs as it is under Node 24 (type stripping), tests only strip types the same way.
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  testTimeout: 120_000,
  reporters: ['default', '<rootDir>/test/reporter.mjs'],
};
