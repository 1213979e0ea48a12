// SPDX-License-Identifier: MIT
// What is sent: the same values as in values.lua. Strings are of one byte a character.
"use strict";

function record() {
  const items = [];
  for (let i = 1; i <= 12; i++) {
    items.push({
      sku: `SKU-${String(i).padStart(4, "0")}`,
      title: `Article number ${i}`,
      count: i,
      price: i + 0.99,
      weight: i / 8,
      fragile: i % 2 === 0,
    });
  }
  return {
    id: 1042,
    customer: "Ada Lovelace",
    email: "ada@example.org",
    paid: true,
    total: 89.88,
    address: { street: "12 St James's Square", city: "London", zip: "SW1Y 4JH", country: "GB" },
    tags: ["new", "gift", "express"],
    items,
  };
}

// In one piece, not as a rope that the first reader would have to flatten.
const text = (bytes) => Buffer.alloc(bytes, "x").toString("latin1");
const doubles = (count) => Array.from({ length: count }, (_, i) => i + 1.5);

const makers = {
  integer: () => 42,
  "1KiB": () => text(1024),
  "1MiB": () => text(1024 * 1024),
  "64MiB": () => text(64 * 1024 * 1024),
  record,
  doubles1e5: () => doubles(100000),
  doubles1e6: () => doubles(1000000),
};

exports.make = (name) => makers[name]();

// The bytes of a string; 0 for anything else.
exports.size = (value) => (typeof value === "string" ? value.length : 0);

// A function that posts the value. "clone" posts it as it is; "transfer" gives away an ArrayBuffer made for each message,
// which saves the receiver its copy: for bytes alone.
exports.poster = (how, value) => {
  if (how === "clone") return (port) => port.postMessage(value);
  const bytes = Uint8Array.from(Buffer.from(value, "latin1")).buffer;
  return (port) => {
    const copy = bytes.slice(0);
    port.postMessage(copy, [copy]);
  };
};
