/**
 * A Chromium for tests, from the package @sparticuz/chromium, with the libraries that a minimal Debian lacks. Test runs
 * share the unpacked files. The tests do not use the package's options, because they disable CORS.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const PACKAGE = require.resolve("@sparticuz/chromium").replace(/\/build\/.*/, "");
const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { readonly version: string };
const UNPACKED = fileURLToPath(new URL(`../../.cache/chromium-${version}`, import.meta.url));

const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${UNPACKED}/fonts</dir><cachedir>${UNPACKED}/fonts-cache</cachedir></fontconfig>
`;

/** Disables Chromium's protection of local addresses, because the tests check the server's protection. */
const LOCAL_NETWORK_CHECKS = [
  "LocalNetworkAccessChecks",
  "LocalNetworkAccessChecksWebSockets",
  "BlockInsecurePrivateNetworkRequests",
  "PrivateNetworkAccessSendPreflights",
];
const ARGS = [
  ...[
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-component-update",
    "--no-first-run",
  ],
  `--disable-features=${[...LOCAL_NETWORK_CHECKS, "HttpsUpgrades", "HttpsFirstBalancedMode"].join(",")}`,
];

/**
 * Starts a browser; the test closes it.
 * @param names names that it resolves to 127.0.0.1
 */
export async function startBrowser({ names = [] }: { readonly names?: readonly string[] } = {}): Promise<Browser> {
  const folder = unpacked();
  const rules = names.map((name) => `MAP ${name} 127.0.0.1`).join(",");
  return chromium.launch({
    executablePath: join(folder, "chromium"),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [process.env["LD_LIBRARY_PATH"], join(folder, "lib")].filter(Boolean).join(":"),
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
    },
    args: [...ARGS, ...(rules === "" ? [] : [`--host-resolver-rules=${rules}`])],
  });
}

/** The folder of the unpacked browser. It is created atomically, because test files run concurrently. */
function unpacked(): string {
  if (existsSync(UNPACKED)) return UNPACKED;
  if (process.arch !== "x64") throw new Error("The browser for tests only exists for x64.");
  mkdirSync(dirname(UNPACKED), { recursive: true });
  const folder = mkdtempSync(`${UNPACKED}-`);
  writeFileSync(join(folder, "chromium"), unpack("chromium.br"), { mode: 0o755 });
  untar(unpack("al2023.tar.br"), folder);
  untar(unpack("fonts.tar.br"), folder);
  writeFileSync(join(folder, "fonts.conf"), FONTS); // Chromium exits if it finds no font
  chmodSync(folder, 0o755);
  try {
    renameSync(folder, UNPACKED);
  } catch (error) {
    rmSync(folder, { recursive: true });
    if (!existsSync(UNPACKED)) throw error; // another test file has unpacked it in the meantime
  }
  return UNPACKED;
}

function unpack(name: string): Buffer {
  return brotliDecompressSync(readFileSync(join(PACKAGE, "bin", name)));
}

function untar(archive: Buffer, folder: string): void {
  execFileSync("tar", ["-x", "--no-same-owner", "-C", folder], { input: archive });
}
