// Checks the receipt on this page in the reader's own browser: that the entry is what the page says, that it is in the
// log, who signed that, and that each field shown is the one that was committed to. It asks nobody: what it reads is on
// the page, and what is typed into it goes nowhere.
"use strict";

const HEADER = "c2sp.org/tlog-proof@v1";
const HASHES_MAX = 63;
const LOG = "The log's signature";
const FIELDS = ["act", "resource", "actor", "place", "outcome", "law", "private", "record"];
const utf8 = new TextEncoder();

const element = (id) => document.getElementById(id);

class Wrong extends Error {}

function wrong(why) {
  throw new Wrong(why);
}

function join(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const equal = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
const leafHash = (entry) => sha256([0], entry);
const nodeHash = (left, right) => sha256([1], left, right);

function fromBase64(text, length) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    wrong(`\`${text}\` is not base64`);
  }
  // A second spelling of the same bytes is not accepted.
  if (btoa(String.fromCharCode(...bytes)) !== text) wrong(`\`${text}\` is not base64 as it is written`);
  if (length !== undefined && bytes.length !== length) wrong(`\`${text}\` has ${bytes.length} bytes, not ${length}`);
  return bytes;
}

function fromHex(text) {
  if (!/^([0-9a-f]{2})*$/.test(text)) wrong("the entry is not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function number(text, what) {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text ?? "")) wrong(`${what} is not a number`);
  return BigInt(text);
}

function bigEndian(value, length) {
  const bytes = new Uint8Array(length);
  for (let at = length - 1; at >= 0; at -= 1) {
    bytes[at] = Number(value & 255n);
    value >>= 8n;
  }
  return bytes;
}

// C2SP signed-note: text, a blank line, signature lines.
function parseNote(whole) {
  const cut = whole.lastIndexOf("\n\n");
  if (cut < 0 || !whole.endsWith("\n")) wrong("the checkpoint is no signed note");
  const text = whole.slice(0, cut + 1);
  const signatures = whole.slice(cut + 2, -1).split("\n").map((line) => {
    const parts = /^— (\S+) (\S+)$/.exec(line);
    if (!parts) wrong("a signature line of the checkpoint is none");
    const bytes = fromBase64(parts[2]);
    return { name: parts[1], id: toHex(bytes.slice(0, 4)), bytes: bytes.slice(4) };
  });
  const lines = text.slice(0, -1).split("\n");
  if (lines.length !== 3) wrong("the checkpoint is not origin, size and root");
  return { text, signatures, origin: lines[0], size: number(lines[1], "the size"), root: fromBase64(lines[2], 32) };
}

// C2SP tlog-proof.
function parseReceipt(receipt) {
  const lines = receipt.split("\n");
  if (lines.shift() !== HEADER) wrong(`the first line is not \`${HEADER}\``);
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const index = number(/^index (.*)$/.exec(lines.shift() ?? "")?.[1], "the index");
  const hashes = [];
  while (lines.length > 0 && lines[0] !== "") {
    if (hashes.length === HASHES_MAX) wrong("there are more hashes than a proof has");
    hashes.push(fromBase64(lines.shift(), 32));
  }
  lines.shift();
  return { index, hashes, checkpoint: parseNote(lines.join("\n")) };
}

// RFC 9162 § 2.1.3.2.
async function rootOf(leaf, index, size, hashes) {
  if (index >= size) wrong(`the log of this checkpoint has ${size} entries, so none with index ${index}`);
  let [at, last, hash] = [index, size - 1n, leaf];
  for (const sibling of hashes) {
    if (last === 0n) wrong("the proof has more hashes than the tree is high");
    if (at & 1n || at === last) {
      hash = await nodeHash(sibling, hash);
      while (!(at & 1n) && at !== 0n) [at, last] = [at >> 1n, last >> 1n];
    } else {
      hash = await nodeHash(hash, sibling);
    }
    [at, last] = [at >> 1n, last >> 1n];
  }
  if (last !== 0n) wrong("the proof has fewer hashes than the tree is high");
  return hash;
}

// The entry of a decision: [1, 64, time, gov size, edition, commitment] in the one encoding it has.
function parseEntry(bytes) {
  let at = 0;
  const head = (major) => {
    const first = bytes[at];
    if (first === undefined || first >> 5 !== major) wrong("the entry is not that of a decision");
    at += 1;
    const info = first & 31;
    if (info < 24) return BigInt(info);
    const [length, least] = { 24: [1, 24n], 25: [2, 1n << 8n], 26: [4, 1n << 16n], 27: [8, 1n << 32n] }[info] ?? wrong("the entry is not that of a decision");
    let value = 0n;
    for (const byte of bytes.slice(at, at + length)) value = (value << 8n) | BigInt(byte);
    if (value < least) wrong("the entry is not in the one encoding it has");
    at += length;
    return value;
  };
  const digest = () => {
    if (head(2) !== 32n) wrong("the entry is not that of a decision");
    at += 32;
    return bytes.slice(at - 32, at);
  };
  if (head(4) !== 6n || head(0) !== 1n || head(0) !== 64n) wrong("the entry is not that of a decision");
  const entry = { time: head(0), govSize: head(0), edition: digest(), commitment: digest() };
  if (at !== bytes.length) wrong("something follows the entry");
  return entry;
}

// A public key: name+id+base64.
async function parseKey(text) {
  const parts = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim());
  if (!parts) wrong("the key is not `name+id+base64`");
  const key = fromBase64(parts[3], 33);
  const id = toHex((await sha256(utf8.encode(`${parts[1]}\n`), key)).slice(0, 4));
  if (id !== parts[2]) wrong("the id of the key is not its own");
  return { name: parts[1], id, kind: key[0], raw: key.slice(1) };
}

// True, false, or undefined where this browser does not know Ed25519.
async function ed25519(key, signature, message) {
  let known;
  try {
    known = await crypto.subtle.importKey("raw", key.raw, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return undefined;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, known, signature, message);
}

// Whether a key signed a checkpoint, and when if it says so: { signed, at }.
async function signedBy(checkpoint, key) {
  const made = checkpoint.signatures.find((signature) => signature.name === key.name && signature.id === key.id);
  if (!made) return { signed: null };
  if (key.kind === 1) return { signed: await ed25519(key, made.bytes, utf8.encode(checkpoint.text)) };
  if (key.kind !== 4) return { signed: undefined };
  const at = made.bytes.slice(0, 8).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const message = utf8.encode(`cosignature/v1\ntime ${at}\n${checkpoint.text}`);
  return { signed: await ed25519(key, made.bytes.slice(8), message), at };
}

// The commitment that a field, its salt and the hashes beside its way lead to.
async function commitmentOf(field, salt, value, path) {
  const text = utf8.encode(value);
  let hash = await sha256(utf8.encode("interdict/field/v1"), [field], salt, bigEndian(BigInt(text.length), 8), text);
  let at = field;
  for (const sibling of path) {
    hash = at & 1 ? await nodeHash(sibling, hash) : await nodeHash(hash, sibling);
    at >>= 1;
  }
  return hash;
}

// The last second that a date can say here is the one of 100,000,000 days after 1970.
const instant = (seconds) => (seconds > 8640000000000n ? `second ${seconds}` : new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z"));

async function fieldHolds(entry, name, salt, value, path) {
  const field = FIELDS.indexOf(name);
  if (field < 0) wrong(`there is no field \`${name}\``);
  if (path.length !== 3) wrong("the way to the commitment has three hashes");
  const hashes = path.map((hash) => fromBase64(hash, 32));
  return equal(await commitmentOf(field, fromBase64(salt, 32), value, hashes), entry.commitment);
}

// Each check: what it is about, then pass, fail or unchecked, and in words what was found.
async function* checks(page) {
  const bytes = fromHex(page.entry);
  const entry = parseEntry(bytes);
  const same = entry.time === BigInt(page.time) && entry.govSize === BigInt(page.govSize) && toHex(entry.edition) === page.edition;
  yield same
    ? ["The entry", "pass", `its ${bytes.length} bytes say what this page says: when, under which law, and a commitment`]
    : ["The entry", "fail", "its bytes say something else than this page"];
  const receipt = parseReceipt(page.receipt);
  const { checkpoint } = receipt;
  if (receipt.index !== BigInt(page.index)) {
    yield ["In the log", "fail", `the receipt is that of entry ${receipt.index}`];
  } else {
    const root = await rootOf(await leafHash(bytes), receipt.index, checkpoint.size, receipt.hashes);
    yield equal(root, checkpoint.root)
      ? ["In the log", "pass", `entry ${receipt.index} of ${checkpoint.size} leads to the root of the checkpoint, by ${receipt.hashes.length === 1 ? "1 hash" : `${receipt.hashes.length} hashes`}`]
      : ["In the log", "fail", "the entry does not lead to the root of the checkpoint"];
  }
  yield* signatures(page, checkpoint);
  const holding = [];
  for (const { name, salt, value, path } of page.fields) {
    if (await fieldHolds(entry, name, salt, value, path)) holding.push(name);
    else yield [`Field ${name}`, "fail", "it is not the one that was committed to"];
  }
  if (holding.length > 0) yield ["What was decided", "pass", `${holding.join(", ")}: as they were committed to`];
}

async function* signatures(page, checkpoint) {
  const key = await parseKey(page.key);
  const ours = await signedBy(checkpoint, key);
  const told = (signed, who) =>
    signed === undefined
      ? [who, "unchecked", "this browser does not know Ed25519; `interdict log verify` does"]
      : signed
        ? [who, "pass", "its signature over the checkpoint is good"]
        : [who, "fail", "the signature in its name is not of this key"];
  if (key.kind !== 1 || key.name !== checkpoint.origin || ours.signed === null) {
    yield [LOG, "fail", `the checkpoint of \`${checkpoint.origin}\` is not signed with this key`];
  } else {
    yield told(ours.signed, LOG);
  }
  let cosigned = 0;
  // One key is one witness, however often it is named.
  const witnesses = new Map();
  for (const text of page.witnesses) {
    const witness = await parseKey(text);
    witnesses.set(toHex(witness.raw), witness);
  }
  for (const witness of witnesses.values()) {
    const { signed, at } = await signedBy(checkpoint, witness);
    const who = `Witness ${witness.name}`;
    if (witness.kind === 1) {
      yield [who, "unchecked", "this is the key of a log, and no witness signs with such a key"];
    } else if (signed === null) {
      yield [who, "unchecked", "it has not signed this checkpoint"];
    } else {
      const [, result, words] = told(signed, who);
      cosigned += result === "pass" ? 1 : 0;
      yield [who, result, result === "pass" ? `it saw this checkpoint at ${instant(at)} and no other history before` : words];
    }
  }
  if (witnesses.size === 0) {
    yield ["Witnesses", "unchecked", "this log names none: that it shows everybody the same rests on its own word"];
  } else {
    yield ["Witnesses", cosigned > 0 ? "pass" : "unchecked", `${cosigned} of ${witnesses.size} named witnesses signed`];
  }
}

function read() {
  const at = element("decision").dataset;
  const fields = Array.from(document.querySelectorAll("[data-field]"), (field) => ({
    name: field.dataset.field,
    salt: field.dataset.salt,
    value: field.dataset.value,
    path: field.dataset.path.split(" "),
  }));
  const witnesses = element("witnesses").value.split("\n").filter((line) => line.trim() !== "");
  return { ...at, receipt: element("receipt").value, key: element("key").value, witnesses, fields };
}

const WORDS = { pass: "holds", fail: "FAILS", unchecked: "not checked" };

function show(list, [what, result, words]) {
  const item = document.createElement("li");
  item.className = result;
  item.dataset.result = result;
  const mark = document.createElement("span");
  mark.className = "mark";
  mark.textContent = WORDS[result];
  const name = document.createElement("strong");
  name.textContent = what;
  item.append(mark, " ", name, ": ");
  words.split("`").forEach((part, at) => {
    const code = document.createElement("code");
    code.textContent = part;
    item.append(at % 2 === 1 ? code : part);
  });
  list.append(item);
}

let round = 0;

async function check() {
  round += 1;
  const mine = round;
  const list = document.createElement("ol");
  let worst = "pass";
  try {
    if (!globalThis.crypto?.subtle) {
      show(list, ["Here", "unchecked", "a browser has no cryptography for a page that comes over plain HTTP from another machine; run the command below"]);
      worst = "unchecked";
    } else {
      for await (const found of checks(read())) {
        show(list, found);
        if (found[1] === "fail") worst = "fail";
        // Without it a root is one that anybody could have made up.
        if (found[0] === LOG && found[1] === "unchecked" && worst === "pass") worst = "unchecked";
      }
    }
  } catch (error) {
    // What broke off has not been checked, and what was found before it no longer counts.
    const result = error instanceof Wrong ? "fail" : "unchecked";
    show(list, ["The receipt", result, error.message]);
    if (worst !== "fail") worst = result;
  }
  // Somebody typed on while this was worked out: what is typed now counts.
  if (mine !== round) return;
  element("checks").replaceChildren(...list.children);
  const verdict = element("verdict");
  verdict.dataset.result = worst;
  verdict.textContent = {
    pass: "Checked in your browser: this decision is in the log as shown.",
    fail: "Checked in your browser: this receipt does NOT prove what the page shows.",
    unchecked: "Not checked in your browser: what is missing is said below.",
  }[worst];
}

async function disclose() {
  const out = element("disclosed");
  const text = element("disclosure").value.trim();
  out.removeAttribute("data-result");
  if (text === "") {
    out.textContent = "";
    return;
  }
  try {
    let shown;
    try {
      shown = JSON.parse(text);
    } catch {
      wrong("it is not what `interdict log disclose` writes");
    }
    const { field, value, salt, path, entry } = shown ?? {};
    if (typeof value !== "string" || typeof salt !== "string" || !Array.isArray(path)) wrong("it is not what `interdict log disclose` writes");
    const ours = element("decision").dataset.entry;
    if (entry !== ours) wrong("it is of another decision");
    const holds = await fieldHolds(parseEntry(fromHex(ours)), field, salt, value, path);
    out.dataset.result = holds ? "pass" : "fail";
    out.textContent = holds ? `${field}: ${value}` : `this \`${field}\` is not the one that was committed to`;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    out.dataset.result = "fail";
    out.textContent = error.message;
  }
}

// On paper nothing can be unfolded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});

if (element("decision")?.dataset.entry) {
  for (const id of ["receipt", "key", "witnesses"]) element(id)?.addEventListener("input", check);
  element("disclosure").addEventListener("input", disclose);
  if (element("receipt")) check();
}
