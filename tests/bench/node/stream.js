// SPDX-License-Identifier: MIT
// Values from one worker to another through a MessageChannel, as fast as they go. Usage: stream.js clone|transfer VALUE COUNT
"use strict";
const { Worker, MessageChannel, isMainThread, parentPort, workerData } = require("node:worker_threads");
const { once } = require("node:events");
const values = require("./values");

function produce({ port, how, name, count }) {
  const post = values.poster(how, values.make(name));
  parentPort.once("message", () => {
    for (let i = 0; i < count; i++) post(port);
  });
  parentPort.postMessage("ready");
}

function consume({ port, count }) {
  let received = 0;
  port.on("message", () => {
    if (++received < count) return;
    port.close();
    parentPort.postMessage("done");
  });
  parentPort.postMessage("ready");
}

async function startWorker(role, port, settings) {
  const worker = new Worker(__filename, { workerData: { role, port, ...settings }, transferList: [port] });
  await once(worker, "message");
  return worker;
}

async function main(how, name, count) {
  const { port1, port2 } = new MessageChannel();
  const settings = { how, name, count };
  const consumer = await startWorker("consumer", port2, settings);
  const producer = await startWorker("producer", port1, settings);

  const start = performance.now();
  producer.postMessage("go");
  await once(consumer, "message");
  const seconds = (performance.now() - start) / 1e3;

  console.log("rate", count / seconds / 1e6, "M/s");
  console.log("cost", (seconds / count) * 1e6, "us");
  console.log("throughput", (count * values.size(values.make(name))) / seconds / 1e9, "GB/s");
}

if (isMainThread) main(process.argv[2], process.argv[3], Number(process.argv[4]));
else if (workerData.role === "producer") produce(workerData);
else consume(workerData);
