/** Ships the licence texts of what the pages include, as assets/licences.txt. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Its files are named in CSS, which is no module of the build. */
const IN_CSS = ["@fontsource/ibm-plex-sans"];
const PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)/;

export function licences(): Plugin {
  return {
    name: "licences",
    generateBundle() {
      const modules = [...this.getModuleIds()].map((id) => PACKAGE.exec(id)?.[1]);
      const names = new Set([...IN_CSS, ...modules.filter((name) => name !== undefined)]);
      const texts = [...names].sort().map((name) => `${name}\n\n${textOf(name)}`);
      this.emitFile({
        type: "asset",
        fileName: "assets/licences.txt",
        source: texts.join(`\n\n${"-".repeat(80)}\n\n`),
      });
    },
  };
}

function textOf(name: string): string {
  const folder = join(import.meta.dirname, "node_modules", name);
  const file = existsSync(folder)
    ? readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
    : undefined;
  if (file === undefined) throw new Error(`${name} has no licence text`);
  return readFileSync(join(folder, file), "utf-8").trim();
}
