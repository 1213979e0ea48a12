// SPDX-License-Identifier: MIT
// The timeline under the reader's hands: names, words, zooming and panning by pointer, wheel, keys and buttons.
// `make` joins the parts: a chart (data, elements, state), its view, and what moves it.
"use strict";

const Controls = (() => {
  const NAMES = 214, LEAST_VIEW = 10, TICKS = 1e7;
  const { byId } = Page;
  const isNarrow = matchMedia("(max-width: 600px)");

  // One timeline: its data and elements, `state` (which tests read), rows, colours, and the drag.
  function newChart(data) {
    const full = { t0: 0, t1: data.end * 1.005 };
    const shown = new Set(data.recordings.map((recording) => recording.world));
    const state = { view: { ...full }, drawn: 0, messagesInView: 0, frames: 0, lanes: 0, gutter: 0 };
    return { data, full, shown, layout: null, state, paint: null, isScheduled: false, drag: null, chosen: null,
      canvas: byId("timeline"), axis: byId("axis"), crosshair: byId("crosshair"), names: byId("lane-names"),
      say: Page.makeSayer(byId("timeline-status")) };
  }

  const plotWidth = (chart) => chart.canvas.clientWidth - chart.state.gutter;
  const xOf = (chart, event) => event.clientX - chart.canvas.getBoundingClientRect().left;

  function toTime(chart, x) {
    const { t0, t1 } = chart.state.view;
    return t0 + ((x - chart.state.gutter) / plotWidth(chart)) * (t1 - t0);
  }

  // ---- words ------------------------------------------------------------------------------------

  // Times with digits for what a pixel is in this view, at least.
  function formatIn(chart, ticks) {
    const { t0, t1 } = chart.state.view;
    return Page.formatTime(ticks / TICKS, Math.max((t1 - t0) / TICKS / Math.max(1, plotWidth(chart)), 1e-7));
  }

  function describeState(chart, lane, time, slack) {
    const i = Lanes.spanAt(lane.spans, time, 0), near = i >= 0 ? i : Lanes.spanAt(lane.spans, time, slack);
    const { starts, ends, names, kinds } = lane.spans, format = (ticks) => formatIn(chart, ticks);
    if (near < 0) {
      const hasBegun = !lane.life || (time >= lane.life[0] && time <= lane.life[1]);
      return [hasBegun ? "idle" : "not there", "at " + format(Math.max(0, time))];
    }
    const name = lane.recording.names[names[near]];
    return [`${kinds[near] === Lanes.BLOCKED ? "blocked in " + name : name}: ${format(ends[near] - starts[near])}`,
      `from ${format(starts[near])} to ${format(ends[near])}`];
  }

  // The function that a profile found there, and how long the thread stood ready.
  function describeSample(chart, lane, time) {
    const at = Lanes.spanAt(lane.samples, time, 0);
    if (at < 0) return [];
    const { starts, ends, names, shares } = lane.samples, length = formatIn(chart, ends[at] - starts[at]);
    const lines = ["in " + lane.recording.names[names[at]]];
    if (shares[at] > 0) lines.push(`ready, no processor: ${Page.percent(shares[at])} of these ${length}`);
    return lines;
  }

  function describe(chart, lane, time, slack) {
    const lines = [`${lane.thread || "thread " + lane.tid} in ${lane.world}`, ...describeState(chart, lane, time, slack),
      ...describeSample(chart, lane, time)];
    const task = Lanes.spanAt(lane.tasks, time, slack);
    if (task >= 0) {
      const length = lane.tasks.ends[task] - lane.tasks.starts[task];
      lines.push(`${lane.recording.names[lane.tasks.names[task]]}: ${formatIn(chart, length)}`);
    }
    lines.push(`process ${lane.pid}${lane.process ? " (" + lane.process + ")" : ""}, thread ${lane.tid}, VM ${lane.vm}`);
    return lines.join("\n");
  }

  function sayView(chart, recordings) {
    const { view, messagesInView } = chart.state;
    const parts = [`${formatIn(chart, view.t0)} to ${formatIn(chart, view.t1)} in view`];
    if (messagesInView > Timeline.MESSAGES_MOST)
      parts.push(`${messagesInView.toLocaleString("en")} messages are too many for lines: zoom in`);
    const dropped = recordings.reduce((sum, recording) => sum + (recording.dropped || 0), 0);
    if (dropped) parts.push(`${dropped.toLocaleString("en")} events were not recorded`);
    chart.say(parts.join("; ") + ".");
  }

  // ---- names ------------------------------------------------------------------------------------

  function nameOf(row) {
    if (row.kind === "vm") return [row.text];
    if (row.kind === "world") return [Page.cell("b", row.text), Page.cell("small", row.more)];
    const { lane } = row, { vms } = lane.recording, hasOneVm = vms.filter((vm) => vm[0].pid === lane.pid).length === 1;
    const where = row.isShared ? "" : hasOneVm ? "process " + lane.pid : "VM " + lane.vm;
    return [Page.cell("span", lane.thread || "thread " + lane.tid), Page.cell("small", where)];
  }

  function placeNames(chart) {
    const narrow = isNarrow.matches;
    const elements = chart.layout.rows.filter((row) => row.kind !== "lane" || row.hasName).map((row) => {
      const element = document.createElement("div");
      element.className = row.kind + (row.lane && row.lane === chart.chosen ? " chosen" : "");
      element.style.top = row.y + "px";
      element.style.height = (row.kind === "lane" && narrow ? row.top - row.y : row.height) + "px";
      if (row.kind === "lane") element.style.width = narrow ? "100%" : NAMES + "px";
      element.append(...nameOf(row));
      return element;
    });
    chart.names.replaceChildren(...elements);
  }

  function layOut(chart) {
    chart.layout = Lanes.layOut(chart.data, chart.shown, isNarrow.matches);
    chart.state.lanes = chart.layout.byLane.size;
    chart.state.gutter = isNarrow.matches ? 0 : NAMES;
    placeNames(chart);
  }

  // ---- drawing ----------------------------------------------------------------------------------

  function draw(chart) {
    chart.isScheduled = false;
    const { state } = chart;
    if (!chart.paint || plotWidth(chart) <= 0) return;
    const recordings = chart.data.recordings.filter((recording) => chart.shown.has(recording.world));
    const options = { view: state.view, gutter: state.gutter, recordings, wantsMessages: byId("messages").checked };
    Object.assign(state, Timeline.draw(chart.canvas, chart.axis, chart.layout, options, chart.paint));
    sayView(chart, recordings);
    state.frames++;
  }

  function schedule(chart) {
    if (!chart.isScheduled) requestAnimationFrame(() => draw(chart));
    chart.isScheduled = true;
  }

  // ---- the view ---------------------------------------------------------------------------------

  function setView(chart, t0, t1) {
    const { full } = chart;
    const range = Math.min(Math.max(t1 - t0, LEAST_VIEW), full.t1 - full.t0);
    const start = Math.min(Math.max(t0, full.t0), full.t1 - range);
    chart.state.view = { t0: start, t1: start + range };
    schedule(chart);
  }

  // A factor below 1 zooms in. The point at `time`, by default the middle, does not move.
  function zoom(chart, factor, time) {
    const { t0, t1 } = chart.state.view, at = time === undefined ? (t0 + t1) / 2 : time;
    setView(chart, at - (at - t0) * factor, at + (t1 - at) * factor);
  }

  function move(chart, share) {
    const { t0, t1 } = chart.state.view, by = (t1 - t0) * share;
    setView(chart, t0 + by, t1 + by);
  }

  const reset = (chart) => setView(chart, chart.full.t0, chart.full.t1);

  // ---- pointer and wheel ------------------------------------------------------------------------

  function hover(chart, event) {
    const { crosshair, state } = chart, { t0, t1 } = state.view;
    const x = xOf(chart, event), y = event.clientY - chart.canvas.getBoundingClientRect().top;
    const row = Lanes.rowAt(chart.layout, y);
    crosshair.hidden = x < state.gutter;
    crosshair.style.left = x + "px";
    if (!row || row.kind !== "lane" || x < state.gutter) { Page.tooltip.hide(); return; }
    const slack = ((t1 - t0) / plotWidth(chart)) * 1.5;
    Page.tooltip.show(describe(chart, row.lane, toTime(chart, x), slack), event);
  }

  function leave(chart) { Page.tooltip.hide(); chart.crosshair.hidden = true; }

  function startDrag(chart, event) {
    const { canvas } = chart, x = xOf(chart, event), isMarking = event.shiftKey;
    if (event.button !== 0 || x < chart.state.gutter) return;
    chart.drag = { x, view: { ...chart.state.view }, isMarking };
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.toggle("dragging", !isMarking);
    chart.crosshair.classList.toggle("marking", isMarking);
    Page.tooltip.hide();
  }

  function whileDragging(chart, event) {
    const { drag, crosshair } = chart, x = xOf(chart, event);
    if (drag.isMarking) {
      crosshair.hidden = false;
      crosshair.style.left = Math.min(x, drag.x) + "px";
      crosshair.style.width = Math.abs(x - drag.x) + "px";
      return;
    }
    const by = ((drag.x - x) / plotWidth(chart)) * (drag.view.t1 - drag.view.t0);
    setView(chart, drag.view.t0 + by, drag.view.t1 + by);
  }

  function endDrag(chart, event) {
    if (!chart.drag) return;
    const { crosshair } = chart, { x: from, isMarking } = chart.drag, x = xOf(chart, event);
    chart.drag = null;
    chart.canvas.classList.remove("dragging");
    crosshair.classList.remove("marking");
    crosshair.style.width = "";
    if (isMarking && Math.abs(x - from) > 3) setView(chart, toTime(chart, Math.min(x, from)), toTime(chart, Math.max(x, from)));
  }

  function listenToPointer(chart) {
    const listen = (type, act) => chart.canvas.addEventListener(type, (event) => act(chart, event));
    listen("pointerdown", startDrag);
    listen("pointermove", (_, event) => (chart.drag ? whileDragging : hover)(chart, event));
    listen("pointerup", endDrag);
    listen("pointercancel", endDrag);
    listen("pointerleave", leave);
    listen("dblclick", (_, event) => zoom(chart, 0.4, toTime(chart, event.offsetX)));
  }

  // A sideways wheel pans; over the names the wheel scrolls the page.
  function onWheel(chart, event) {
    const x = xOf(chart, event);
    if (x < chart.state.gutter) return;
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      move(chart, (event.deltaX || event.deltaY) / plotWidth(chart));
      return;
    }
    zoom(chart, Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), toTime(chart, x));
    hover(chart, event);
  }

  // ---- keys -------------------------------------------------------------------------------------

  // The next lane, and what it does in the middle of the view.
  function choose(chart, by) {
    const lanes = [...chart.layout.byLane.keys()], { t0, t1 } = chart.state.view;
    const at = lanes.indexOf(chart.chosen), next = at < 0 ? (by > 0 ? 0 : lanes.length - 1) : at + by;
    chart.chosen = lanes[Math.max(0, Math.min(lanes.length - 1, next))] || null;
    placeNames(chart);
    if (chart.chosen) byId("lane-status").textContent = describe(chart, chart.chosen, (t0 + t1) / 2, 0).replaceAll("\n", ", ") + ".";
  }

  const closer = (chart) => zoom(chart, 0.6), farther = (chart) => zoom(chart, 1 / 0.6);
  const KEYS = { ArrowLeft: (chart) => move(chart, -0.15), ArrowRight: (chart) => move(chart, 0.15),
    ArrowUp: (chart) => choose(chart, -1), ArrowDown: (chart) => choose(chart, 1), "+": closer, "=": closer,
    "-": farther, 0: reset, Home: reset, Escape: reset };

  function onKey(chart, event) {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    KEYS[event.key](chart);
    event.preventDefault();
  }

  // ---- buttons and tables -----------------------------------------------------------------------

  function toggleWorld(chart, world) {
    if (!chart.shown.delete(world)) chart.shown.add(world);
    layOut(chart);
    schedule(chart);
    return chart.shown.has(world);
  }

  function makeWorldButton(chart, world) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = world;
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => button.setAttribute("aria-pressed", String(toggleWorld(chart, world))));
    return button;
  }

  function connectButtons(chart) {
    const { recordings } = chart.data, on = (id, act) => byId(id).addEventListener("click", () => act(chart));
    on("zoom-in", () => zoom(chart, 0.5));
    on("zoom-out", () => zoom(chart, 2));
    on("zoom-reset", reset);
    on("go-left", () => move(chart, -0.3));
    on("go-right", () => move(chart, 0.3));
    byId("messages").addEventListener("change", () => schedule(chart));
    byId("worlds").hidden = recordings.length < 2;
    byId("worlds").replaceChildren(...recordings.map((recording) => makeWorldButton(chart, recording.world)));
  }

  // The lanes as a table: how each thread spent its time.
  function fillTable({ lanes, recordings }) {
    const hasReady = recordings.some((recording) => recording.has_samples), table = byId("lane-table");
    const head = document.createElement("tr");
    const titles = ["world", "thread", "VM", "lifetime", "holds the lock", ...(hasReady ? ["of it ready, no processor"] : []),
      "waits for it", "blocked", "idle"];
    head.append(...titles.map((title) => Page.cell("th", title, "col")));
    table.tHead.replaceChildren(head);
    Page.fillRows(table.tBodies[0], lanes.map((lane) => {
      const life = lane.life ? lane.life[1] - lane.life[0] : lane.recording.end;
      const [hold, wait, blocked] = lane.sums, idle = Math.max(0, life - hold - wait - blocked);
      const sums = hasReady ? [hold, lane.ready.sum, wait, blocked, idle] : [hold, wait, blocked, idle];
      const shares = sums.map((sum) => Page.percent(life ? sum / life : 0));
      return [lane.world, lane.thread || lane.tid, lane.vm, Page.formatSeconds(life / TICKS), ...shares];
    }));
  }

  // ---- the whole --------------------------------------------------------------------------------

  function follow(chart) {
    const hasSamples = chart.data.recordings.some((recording) => recording.has_samples);
    Page.onTheme((readColours) => {
      chart.paint = Timeline.newPaint(readColours);
      Timeline.fillLegend(byId("legend"), chart.paint, hasSamples);
      draw(chart);
    });
    addEventListener("resize", () => schedule(chart));
    isNarrow.addEventListener("change", () => { layOut(chart); schedule(chart); });
  }

  // The timeline of recordings from Lanes.read: { state } and its functions.
  function make(data) {
    const chart = newChart(data);
    byId("timeline-section").hidden = false;
    layOut(chart);
    listenToPointer(chart);
    chart.canvas.addEventListener("wheel", (event) => onWheel(chart, event), { passive: false });
    chart.canvas.addEventListener("keydown", (event) => onKey(chart, event));
    connectButtons(chart);
    fillTable(data);
    follow(chart);
    return {
      state: chart.state, draw: () => draw(chart), zoom: (factor, time) => zoom(chart, factor, time),
      move: (share) => move(chart, share), reset: () => reset(chart), setView: (t0, t1) => setView(chart, t0, t1),
      rows: () => chart.layout.rows,
    };
  }

  return { make };
})();
