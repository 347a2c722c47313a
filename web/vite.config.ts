import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { licences } from "./licences";

const page = (name: string) => fileURLToPath(new URL(`${name}.html`, import.meta.url));

export default defineConfig({
  // Relative addresses: the pages work behind a proxy that adds a path.
  base: "./",
  plugins: [licences()],
  build: {
    // Nothing inline and no data: URL, so that the Content-Security-Policy needs no exception.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        index: page("index"),
        status: page("status"),
        ward: page("ward"),
        patient: page("patient"),
      },
    },
    target: "es2022",
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
