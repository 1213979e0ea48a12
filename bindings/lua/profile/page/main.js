// SPDX-License-Identifier: MIT
// The page of a profile as a whole: its flame graph, and the table of functions. Tests read its state in
// window.manymoons.
"use strict";

(() => {
  const ROWS = 30;

  // Calls visit(box, isNew) for each function; isNew: it is not among the callers of itself.
  function eachFunction(box, outer, visit) {
    const key = box.name + " " + box.place, isNew = box.kind !== "group" && !outer.has(key);
    if (box.kind !== "group") visit(key, box, isNew);
    const inner = isNew ? new Set(outer).add(key) : outer;
    for (const b of box.below.values()) eachFunction(b, inner, visit);
  }

  function sums(top) {
    const rows = new Map();
    eachFunction(top, new Set(), (key, box, isNew) => {
      const row = rows.get(key) || { name: box.name, place: box.place, self: 0, total: 0, before: 0 };
      row.self += box.self;
      if (isNew) { row.total += box.total; row.before += box.before; }
      rows.set(key, row);
    });
    return [...rows.values()];
  }

  const change = (row) => row.total - row.before;

  function rowsOf(view, top) {
    const rows = sums(top);
    if (view.isDifference) {
      return rows.filter((row) => row.total || row.before).sort((a, b) => Math.abs(change(b)) - Math.abs(change(a)))
        .map((row) => [row.name, Flames.time(row.before), Flames.time(row.total), Flames.sign(change(row)), row.place]);
    }
    return rows.filter((row) => row.total > 0).sort((a, b) => b.self - a.self || b.total - a.total)
      .map((row) => [row.name, Flames.percent(row.self, top.total), Flames.percent(row.total, top.total), row.place]);
  }

  const flames = Flames.make(Page.data, (view) => {
    Page.fillRows(Page.byId("table").tBodies[0], rowsOf(view, view.graphs[0].top).slice(0, ROWS));
  });

  window.manymoons = { data: Page.data, flames, theme: Page.themeName };
})();
