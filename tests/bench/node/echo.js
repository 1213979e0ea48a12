// SPDX-License-Identifier: MIT
// Round trips of a small integer to a worker and back, awake or asleep, as in echo.lua. Usage: echo.js awake|asleep COUNT
"use strict";
const { Worker, isMainThread, parentPort } = require("node:worker_threads");
const { setTimeout: sleep } = require("node:timers/promises");

const WARM_UP = 100;

function answer() {
  parentPort.on("message", (value) => parentPort.postMessage(value));
}

// One listener that stays is cheaper than a `once` for each message.
function makeEcho(worker) {
  let resolve;
  worker.on("message", (value) => resolve(value));
  return (value) =>
    new Promise((done) => {
      resolve = done;
      worker.postMessage(value);
    });
}

async function timeAwake(echo, count) {
  const start = performance.now();
  for (let i = 1; i <= count; i++) await echo(i);
  return (performance.now() - start) / count;
}

async function timeAsleep(echo, count) {
  const times = [];
  for (let i = 1; i <= count; i++) {
    await sleep(1);
    const start = performance.now();
    await echo(i);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(count / 2)];
}

async function main(mode, count) {
  const worker = new Worker(__filename);
  const echo = makeEcho(worker);
  for (let i = 1; i <= WARM_UP; i++) await echo(i);
  const milliseconds = await (mode === "awake" ? timeAwake : timeAsleep)(echo, count);
  await worker.terminate();
  console.log("time", milliseconds * 1e3, "us");
}

if (isMainThread) main(process.argv[2], Number(process.argv[3]));
else answer();
