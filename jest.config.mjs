// ESM all through: the code runs as it is under Node 24 (type stripping), tests only strip types the same way.
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  testTimeout: 120_000,
  // Many tests wait for processes of their own: jest's default, one less than the cores, leaves CI's two cores idle.
  maxWorkers: '100%',
  reporters: ['default', '<rootDir>/test/reporter.mjs'],
};
