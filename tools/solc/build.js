// Compiles contracts/*.sol into contracts/artifacts/*.json (abi and bytecode).
// The same sources give the same bytes: the compiler is pinned by the lock file and
// no metadata goes into the code. `node build.js --check` writes nothing and fails
// when a committed artifact differs from its source.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const solc = require("solc");

const root = path.join(__dirname, "..", "..", "contracts");
const out = path.join(root, "artifacts");
const check = process.argv.includes("--check");

const sources = {};
for (const file of fs.readdirSync(root).filter((f) => f.endsWith(".sol")).sort()) {
  sources[file] = { content: fs.readFileSync(path.join(root, file), "utf8") };
}

const result = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources,
      settings: {
        evmVersion: "osaka",
        optimizer: { enabled: true, runs: 200 },
        metadata: { appendCBOR: false, bytecodeHash: "none" },
        outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
      },
    }),
  ),
);
for (const e of result.errors || []) console.error(e.formattedMessage);
if ((result.errors || []).length > 0) process.exit(1);

const wanted = new Map();
for (const file of Object.keys(result.contracts).sort()) {
  for (const [name, c] of Object.entries(result.contracts[file])) {
    if (c.evm.bytecode.object === "") continue; // an interface
    const artifact = { contract: name, compiler: solc.version(), abi: c.abi, bytecode: "0x" + c.evm.bytecode.object };
    wanted.set(name + ".json", JSON.stringify(artifact, null, 1) + "\n");
  }
}

fs.mkdirSync(out, { recursive: true });
let stale = false;
for (const old of fs.readdirSync(out).filter((f) => f.endsWith(".json"))) {
  if (wanted.has(old)) continue;
  stale = true;
  if (!check) fs.unlinkSync(path.join(out, old));
}
for (const [name, text] of wanted) {
  const file = path.join(out, name);
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) continue;
  stale = true;
  if (!check) fs.writeFileSync(file, text);
}
if (check && stale) {
  console.error("contracts/artifacts differ from contracts/*.sol: run `npm ci && npm run build` in tools/solc and commit the result");
  process.exit(1);
}
console.log(check ? "contracts/artifacts match their sources" : "wrote contracts/artifacts");
