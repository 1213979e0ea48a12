// SPDX-License-Identifier: MIT
// The page of a profile as a whole: theme, modes, search, zoom, tooltip and table. Tests read its state in
// window.manymoons.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const STORED = "manymoons-theme", ROWS = 30;
  const canvas = byId("flame"), tooltip = byId("tooltip");
  const state = { mode: data.mode, grouping: "threads", shown: null, chosen: null, wanted: "", theme: null };
  let top = null, layout = null;

  // A page from a file may have no storage.
  function stored() { try { return localStorage.getItem(STORED); } catch { return null; } }
  function store(name) { try { localStorage.setItem(STORED, name); } catch { /* the choice is not stored */ } }

  const seconds = (us) => us >= 1e6 ? (us / 1e6).toFixed(2) + " s" : us >= 1e3 ? (us / 1e3).toFixed(1) + " ms" : us + " µs";
  const percent = (part, whole) => (whole ? 100 * part / whole : 0).toFixed(1) + " %";
  const isFound = (box) => state.wanted !== "" && box.kind !== "group" &&
    (box.name + " " + box.place).toLowerCase().includes(state.wanted);

  // ---- drawing

  function say() {
    let found = 0;
    const count = (box) => { if (isFound(box)) found += box.total; else for (const b of box.below.values()) count(b); };
    count(top);
    const words = [top.total ? seconds(top.total) + " in all" : "nothing was sampled here"];
    if (state.shown !== top) words.push(`shown: ${state.shown.name}, ${percent(state.shown.total, top.total)}`);
    if (state.wanted) words.push(`found: ${percent(found, top.total)}`);
    byId("flame-status").textContent = words.join("; ") + ".";
  }

  function redraw() {
    layout = Flame.place(state.shown);
    Flame.draw(canvas, layout, { theme: state.theme, chosen: state.chosen, isFound });
    byId("zoom-reset").disabled = state.shown === top;
    say();
  }

  function rebuild() {
    top = Flame.build(data, state.mode, state.grouping);
    state.shown = top;
    state.chosen = null;
    for (const button of document.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", button.dataset.mode === state.mode);
    for (const button of document.querySelectorAll("[data-grouping]")) button.setAttribute("aria-pressed", button.dataset.grouping === state.grouping);
    redraw();
    fillTable();
  }

  function zoomTo(box) {
    state.shown = box;
    redraw();
  }

  // ---- the table

  function sums() {
    const rows = new Map();
    const visit = (box, outer) => {
      const isNew = box.kind !== "group" && !outer.has(box.name + box.place);
      const key = box.name + " " + box.place;
      if (box.kind !== "group") {
        const row = rows.get(key) || { name: box.name, place: box.place, self: 0, total: 0 };
        row.self += box.self;
        if (isNew) row.total += box.total;
        rows.set(key, row);
      }
      const inner = isNew ? new Set(outer).add(box.name + box.place) : outer;
      for (const b of box.below.values()) visit(b, inner);
    };
    visit(top, new Set());
    return [...rows.values()].filter((row) => row.total > 0).sort((a, b) => b.self - a.self || b.total - a.total);
  }

  function fillTable() {
    const body = byId("table").tBodies[0];
    body.replaceChildren(...sums().slice(0, ROWS).map((row) => {
      const line = document.createElement("tr");
      for (const text of [row.name, percent(row.self, top.total), percent(row.total, top.total), row.place]) {
        line.append(Object.assign(document.createElement("td"), { textContent: text }));
      }
      return line;
    }));
  }

  // ---- the reader

  function describe(box) {
    const lines = [box.name, box.place, `${seconds(box.total)} (${percent(box.total, top.total)}), itself ${seconds(box.self)}`];
    const times = box.times || [];
    const parts = data.states.map((name, i) => [name, times[i] || 0]).filter(([, time]) => time > 0);
    if (parts.length) lines.push("itself: " + parts.map(([name, time]) => `${name} ${seconds(time)}`).join(", "));
    return lines.filter((line) => line !== "").join("\n");
  }

  function showTooltip(box, event) {
    tooltip.hidden = !box;
    if (!box) return;
    tooltip.textContent = describe(box);
    const { width, height } = tooltip.getBoundingClientRect();
    const left = event.clientX + 14 + width > innerWidth ? event.clientX - width - 14 : event.clientX + 14;
    const above = event.clientY + 16 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 16;
    tooltip.style.left = Math.max(4, left) + "px";
    tooltip.style.top = Math.max(4, above) + "px";
  }

  const STEPS = {
    ArrowUp: (box) => box.up,
    ArrowDown: (box) => Flame.children(box)[0],
    ArrowLeft: (box, beside, at) => beside[at - 1],
    ArrowRight: (box, beside, at) => beside[at + 1],
  };

  function onKey(event) {
    if (event.key === "Escape") zoomTo(top);
    else if (event.key === "Enter" && state.chosen) zoomTo(state.chosen);
    else if (STEPS[event.key]) {
      const now = state.chosen || state.shown, beside = now.up ? Flame.children(now.up) : [];
      state.chosen = STEPS[event.key](now, beside, beside.indexOf(now)) || now;
      redraw();
      byId("flame-status").textContent = describe(state.chosen).replaceAll("\n", ", ");
    } else return;
    event.preventDefault();
  }

  function setTheme(name) {
    document.documentElement.dataset.theme = name;
    byId("theme").textContent = name === "dark" ? "Light" : "Dark";
    const style = getComputedStyle(document.documentElement);
    const colour = (key) => style.getPropertyValue("--" + key).trim();
    state.theme = { raised: colour("raised"), line: colour("line"), ink: colour("ink"), found: colour("found"),
      onBox: colour("text-on-box"), light: colour("box-light") };
    if (top) redraw();
  }

  function listen() {
    canvas.addEventListener("mousemove", (event) => showTooltip((Flame.boxAt(canvas, layout, event) || {}).box, event));
    canvas.addEventListener("mouseleave", () => { tooltip.hidden = true; });
    canvas.addEventListener("click", (event) => {
      const hit = Flame.boxAt(canvas, layout, event);
      if (hit) { state.chosen = hit.box; zoomTo(hit.box); }
    });
    canvas.addEventListener("keydown", onKey);
    for (const button of document.querySelectorAll("[data-mode]")) button.addEventListener("click", () => { state.mode = button.dataset.mode; rebuild(); });
    for (const button of document.querySelectorAll("[data-grouping]")) button.addEventListener("click", () => { state.grouping = button.dataset.grouping; rebuild(); });
    byId("search").addEventListener("input", (event) => { state.wanted = event.target.value.trim().toLowerCase(); redraw(); });
    byId("zoom-reset").addEventListener("click", () => zoomTo(top));
    byId("theme").addEventListener("click", () => {
      const name = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      store(name);
      setTheme(name);
    });
    prefersDark.addEventListener("change", () => { if (!stored()) setTheme(prefersDark.matches ? "dark" : "light"); });
    addEventListener("resize", redraw);
  }

  byId("theme").hidden = byId("flame-section").hidden = false;
  setTheme(stored() || (prefersDark.matches ? "dark" : "light"));
  rebuild();
  listen();
  window.manymoons = { data, state, boxes: () => layout.boxes, whole: () => top, setTheme };
})();
