import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Half of a run is waiting for servers, which run on the same processors: more at a time would starve them on two cores.
    maxWorkers: 2,
    // A process of its own for each file would load the program anew each time: of tests of the API that was half of the work.
    isolate: false,
    // For a machine ten times slower than the one on which it all takes a quarter of an hour.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['src/**/*.test.ts', 'simulators/**/*.test.ts', 'tests/architecture.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/architecture.test.ts'],
          globalSetup: ['tests/support/global-setup.ts'],
        },
      },
    ],
  },
});
