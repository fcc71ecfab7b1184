import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Half of a run is waiting for servers: two files at a time take 14 minutes on two cores, one by one they take 24.
    maxWorkers: 2,
    projects: [
      {
        test: { name: 'unit', include: ['src/**/*.test.ts', 'simulators/**/*.test.ts', 'tests/architecture.test.ts'] },
      },
      {
        test: {
          name: 'integration',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/architecture.test.ts'],
          globalSetup: ['tests/support/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
