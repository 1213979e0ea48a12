// SPDX-License-Identifier: MIT
// Tasks that do next to nothing, in a pool of two workers: all at once, or one after the other. Usage: pool.js map|squares|apply COUNT
//
// Node has no pool of its own; this is one as one writes it: a task goes to the worker that has fewest, and each has up to 16
// on its way, so that none waits for the main thread.
"use strict";
const { Worker, isMainThread, parentPort } = require("node:worker_threads");

const AHEAD = 16;

class Pool {
  constructor(size) {
    this.waiting = [];
    this.next = 0;
    this.workers = Array.from({ length: size }, () => this.#start());
  }

  #start() {
    const entry = { worker: new Worker(__filename), tasks: new Map() };
    entry.worker.on("message", ({ id, result }) => {
      entry.tasks.get(id)(result);
      entry.tasks.delete(id);
      this.#feed();
    });
    return entry;
  }

  #feed() {
    while (this.next < this.waiting.length) {
      const entry = this.workers.reduce((a, b) => (a.tasks.size <= b.tasks.size ? a : b));
      if (entry.tasks.size >= AHEAD) return;
      const id = this.next++;
      const { argument, resolve } = this.waiting[id];
      this.waiting[id] = undefined;
      entry.tasks.set(id, resolve);
      entry.worker.postMessage({ id, argument });
    }
  }

  run(argument) {
    return new Promise((resolve) => {
      this.waiting.push({ argument, resolve });
      this.#feed();
    });
  }

  map(list) {
    return Promise.all(list.map((argument) => this.run(argument)));
  }

  terminate() {
    return Promise.all(this.workers.map(({ worker }) => worker.terminate()));
  }
}

const increment = (x) => x + 1; // for "squares" as well: the call is what costs

async function main(mode, count) {
  const pool = new Pool(2);
  await pool.map([1, 2, 3, 4]); // the workers are there
  const list = Array.from({ length: count }, (_, i) => i);

  const start = performance.now();
  if (mode !== "apply") await pool.map(list);
  else for (const i of list) await pool.run(i);
  const seconds = (performance.now() - start) / 1e3;

  await pool.terminate();
  console.log("rate", count / seconds / 1e3, "k/s");
  console.log("time", (seconds / count) * 1e6, "us");
}

if (isMainThread) main(process.argv[2], Number(process.argv[3]));
else parentPort.on("message", ({ id, argument }) => parentPort.postMessage({ id, result: increment(argument) }));
