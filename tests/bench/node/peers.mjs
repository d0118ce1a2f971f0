// Readers of log lines in JavaScript, asked as turns.py says: `node peers.mjs anchor` or `node peers.mjs drift`.
//
// anchor: EventParser of @coral-xyz/anchor. drift: parseLogs of @drift-labs/sdk, with the coder of the anchor that it
// brings. Both read the same IDL, in the dialect that their anchor knows. Numbers are shown digit by digit.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const kind = process.argv[2];
const PACKAGES = { anchor: "@coral-xyz/anchor", drift: "@drift-labs/sdk" };

// --- the two readers: a sample -> a function of its lines that gives events ----------------------------------------

function anchorReader(sample, idl) {
  const anchor = require("@coral-xyz/anchor");
  const parser = new anchor.EventParser(new anchor.web3.PublicKey(sample.program), {
    events: new anchor.BorshEventCoder(modern(idl)),
  });
  return (lines) => [...parser.parseLogs(lines)];
}

function driftReader(sample, idl) {
  const { parseLogs } = require("@drift-labs/sdk/lib/node/events/parse.js");
  const anchor = createRequire(require.resolve("@drift-labs/sdk/lib/node/events/parse.js"))("@coral-xyz/anchor");
  const program = { coder: { events: new anchor.BorshEventCoder(idl) } };
  return (lines) => parseLogs(program, lines, sample.program);
}

// The dialect of anchor 0.30 and later: events are types, and tell their discriminators.
function modern(idl) {
  const events = idl.events.map(({ name }) => ({ name, discriminator: discriminator(name) }));
  const structs = idl.events.map(({ name, fields }) => ({ name, type: { kind: "struct", fields } }));
  return { ...idl, events, types: [...(idl.types ?? []), ...structs].map((type) => renamed(type)) };
}

function discriminator(name) {
  return [...createHash("sha256").update(`event:${name}`).digest().subarray(0, 8)];
}

function renamed(value) {
  if (value === "publicKey") return "pubkey";
  if (Array.isArray(value)) return value.map(renamed);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.defined === "string") return { defined: { name: value.defined } };
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, renamed(part)]));
}

// --- values as the other sides show them, as JSON ------------------------------------------------------------------

function shown(idl, event) {
  const { fields } = idl.events.find(({ name }) => name === event.name);
  return `[${JSON.stringify(event.name)},${struct(idl, fields, event.data)}]`;
}

function struct(idl, fields, values) {
  return list(fields, ({ name, type }) => json(idl, type, values[name]));
}

function json(idl, type, value) {
  if (value === null || value === undefined) return "null";
  if (type.option) return json(idl, type.option, value);
  if (type.array) return list([...value], (part) => json(idl, type.array[0], part));
  if (type.vec) return list(value, (part) => json(idl, type.vec, part));
  if (type.defined) return defined(idl, idl.types.find(({ name }) => name === type.defined).type, value);
  if (type === "publicKey") return list([...value.toBytes()], String);
  if (type === "string") return JSON.stringify(value);
  return value.toString(10);
}

function defined(idl, type, value) {
  if (type.kind === "struct") return struct(idl, type.fields, value);
  const [found] = Object.keys(value);
  return String(type.variants.findIndex(({ name }) => name.toLowerCase() === found.toLowerCase()));
}

function list(values, text) {
  return `[${values.map(text).join(",")}]`;
}

// --- the loop ------------------------------------------------------------------------------------------------------

const tasks = new Map();

function answer(question) {
  if (question.ask === "versions") return JSON.stringify(versions());
  if (question.ask === "load") return load(question.sample);
  const { read, lines, idl } = tasks.get(question.event);
  if (question.ask === "time") return String(timed(read, lines, question.times));
  return list(read(lines), (event) => shown(idl, event));
}

function versions() {
  const found = { node: process.versions.node };
  const path = require.resolve(`${PACKAGES[kind]}/package.json`);
  found[PACKAGES[kind]] = JSON.parse(readFileSync(path)).version;
  return found;
}

function load(sample) {
  const idl = JSON.parse(readFileSync(sample.idl));
  tasks.set(sample.event, { read: { anchor: anchorReader, drift: driftReader }[kind](sample, idl), lines: sample.lines, idl });
  return "[]";
}

// CPU seconds; the compiler and the collector of garbage, which work beside it, are not counted.
function timed(read, lines, times) {
  const before = process.threadCpuUsage ? process.threadCpuUsage() : process.cpuUsage();
  for (let time = 0; time < times; time++) read(lines);
  const after = process.threadCpuUsage ? process.threadCpuUsage(before) : process.cpuUsage(before);
  return (after.user + after.system) / 1e6;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(answer(JSON.parse(line)) + "\n");
}
