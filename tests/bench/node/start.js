// SPDX-License-Identifier: MIT
// Starts a worker that does nothing and waits for its end, again and again. Usage: start.js COUNT
"use strict";
const { Worker } = require("node:worker_threads");
const { once } = require("node:events");

const startAndJoin = () => once(new Worker("", { eval: true }), "exit");

async function main(count) {
  await startAndJoin();
  const start = performance.now();
  for (let i = 0; i < count; i++) await startAndJoin();
  console.log("time", ((performance.now() - start) / count) * 1e3, "us");
}

main(Number(process.argv[2]));
