// SPDX-License-Identifier: MIT
// One large value at a time: the time from asking a worker for it to having it. Usage: transfer.js clone|transfer VALUE COUNT
"use strict";
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");
const { once } = require("node:events");
const values = require("./values");

function serve({ how, name }) {
  const post = values.poster(how, values.make(name));
  parentPort.on("message", () => post(parentPort));
}

async function main(how, name, count) {
  const worker = new Worker(__filename, { workerData: { how, name } });
  const fetch = () => {
    worker.postMessage("ask");
    return once(worker, "message");
  };
  await fetch(); // the worker has its value
  const start = performance.now();
  for (let i = 0; i < count; i++) await fetch();
  const seconds = (performance.now() - start) / 1e3;
  await worker.terminate();

  console.log("time", (seconds / count) * 1e3, "ms");
  console.log("throughput", (count * values.size(values.make(name))) / seconds / 1e9, "GB/s");
}

if (isMainThread) main(process.argv[2], process.argv[3], Number(process.argv[4]));
else serve(workerData);
