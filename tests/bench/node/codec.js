// SPDX-License-Identifier: MIT
// A value to bytes and back, in one thread. Usage: codec.js v8|JSON VALUE COUNT
"use strict";
const v8 = require("node:v8");
const values = require("./values");

const codecs = {
  v8: (value) => v8.deserialize(v8.serialize(value)),
  JSON: (value) => JSON.parse(JSON.stringify(value)),
};

const roundTrip = codecs[process.argv[2]];
const value = values.make(process.argv[3]);
const count = Number(process.argv[4]);

roundTrip(value);
const start = performance.now();
for (let i = 0; i < count; i++) roundTrip(value);
const milliseconds = performance.now() - start;

console.log("time", (milliseconds / count) * 1e3, "us");
