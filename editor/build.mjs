// Bundles the visual editor into static/editor/: `npm install`, then `npm run build`, in this folder.
import { readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const OUT = new URL("../static/editor/", import.meta.url);
const outfile = new URL("editor.js", OUT).pathname;

// markdown-it's search for bare addresses is replaced by the site's own (src/markdown/addresses.js), so its package stays out
const withoutLinkify = {
  name: "without-linkify",
  setup(making) {
    making.onResolve({ filter: /^linkify-it$/ }, () => ({ path: "linkify-it", namespace: "none" }));
    making.onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export class LinkifyIt {}" }));
  },
};

// What was installed must be what was looked at when its version was chosen: npm's own list of it, against ours
const { packages: installed } = JSON.parse(await readFile(new URL("node_modules/.package-lock.json", import.meta.url), "utf8"));
const hashes = JSON.parse(await readFile(new URL("integrity.json", import.meta.url), "utf8"));
for (const [path, { integrity }] of Object.entries(installed)) {
  const name = path.replace("node_modules/", "");
  if (name.startsWith("@esbuild/")) continue; // differs from machine to machine
  if (hashes[name] !== integrity) throw new Error(`${name} is not what integrity.json says: ${integrity}`);
}

const { metafile } = await build({
  entryPoints: [new URL("src/main.js", import.meta.url).pathname],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  outfile,
  plugins: [withoutLinkify],
});

// Who made what is in the bundle, under which licence
const inputs = Object.keys(metafile.inputs);
const packages = [...new Set(inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean))].sort();
const licences = [];
for (const name of packages) {
  const folder = new URL(`node_modules/${name}/`, import.meta.url);
  const { version, license } = JSON.parse(await readFile(new URL("package.json", folder), "utf8"));
  const files = ["LICENSE", "LICENSE.md", "LICENSE.txt"];
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), "utf8").catch(() => "")));
  licences.push(`${name} ${version} (${license})\n\n${texts.find(Boolean)?.trim() ?? ""}\n`);
}
await writeFile(new URL("LICENSES.txt", OUT), `What editor.js is made of, besides the sources in editor/src:\n\n${licences.join(`\n${"-".repeat(78)}\n\n`)}`);
console.log(`editor.js: ${(gzipSync(await readFile(outfile), { level: 9 }).length / 1024).toFixed(1)} KB compressed, ${packages.length} packages`);
