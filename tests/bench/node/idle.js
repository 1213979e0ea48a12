// SPDX-License-Identifier: MIT
// The memory of a worker that waits for a message, as in idle.lua. Usage: idle.js COUNT
"use strict";
const fs = require("node:fs");
const { Worker, isMainThread, parentPort } = require("node:worker_threads");
const { once } = require("node:events");

function privateKib() {
  let sum = 0;
  for (const line of fs.readFileSync("/proc/self/smaps_rollup", "ascii").split("\n")) {
    const match = /^Private_\w+:\s+(\d+) kB/.exec(line);
    if (match) sum += Number(match[1]);
  }
  return sum;
}

async function startWorker() {
  const worker = new Worker(__filename);
  await once(worker, "message");
  return worker;
}

async function main(count) {
  const workers = [await startWorker()]; // what is needed once is there
  const before = privateKib();
  for (let i = 0; i < count; i++) workers.push(await startWorker());
  console.log("memory", (privateKib() - before) / count, "KiB");
  await Promise.all(workers.map((worker) => worker.terminate()));
}

function waitForAMessage() {
  parentPort.on("message", () => {});
  parentPort.postMessage("ready");
}

if (isMainThread) main(Number(process.argv[2]));
else waitForAMessage();
