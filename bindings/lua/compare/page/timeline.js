// SPDX-License-Identifier: MIT
// The timeline: draws the lanes on a canvas, with zooming and panning.
// `make` joins the parts: a chart (data, elements, state), its view, and pointer, wheel, keys, buttons.
//
// A span of a pixel or more is drawn as it is; shorter ones are summed in their pixel, which is filled in proportion,
// so drawing is one pass over the spans in view. Shape shows the state as well as colour:
// holding is a full block, waiting a striped one, blocked a thin bar, idle a hairline.
"use strict";

const Timeline = (() => {
  const GUTTER = 214, AXIS = 30, LEAST_VIEW = 10, MESSAGES_MOST = 1500, TASK_STRIP = 5, WAIT_INSET = 0.2, LABEL_LEAST = 12, PAD = 3;
  const FONT = 'system-ui, "DejaVu Sans", sans-serif';
  const STEPS = [1, 2, 5];

  const secondsOf = (ticks) => ticks / 1e7;
  const format = (ticks) => Bars.formatSeconds(secondsOf(ticks));

  function prepare(canvas, width, height) {
    const scale = devicePixelRatio || 1;
    canvas.style.height = height + "px";
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const ctx = canvas.getContext("2d");
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    ctx.clearRect(0, 0, width, height);
    return ctx;
  }

  function stripes(theme) {
    const tile = document.createElement("canvas"), side = 8;
    tile.width = tile.height = side;
    const ctx = tile.getContext("2d");
    ctx.fillStyle = theme.waitGround;
    ctx.fillRect(0, 0, side, side);
    ctx.strokeStyle = theme.wait;
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    for (const shift of [-side, 0, side]) { ctx.moveTo(shift, side); ctx.lineTo(shift + side, 0); }
    ctx.stroke();
    return ctx.createPattern(tile, "repeat");
  }

  // ---- the scale --------------------------------------------------------------------------------

  function stepOf(range, width) {
    const wanted = range / Math.max(2, width / 110);
    const power = Math.pow(10, Math.floor(Math.log10(wanted)));
    return (STEPS.find((step) => step * power >= wanted) || 10) * power;
  }

  function drawAxis(canvas, view, width, theme) {
    const ctx = prepare(canvas, width, AXIS);
    const step = stepOf(view.t1 - view.t0, width - GUTTER);
    ctx.font = `12.5px ${FONT}`;
    ctx.fillStyle = theme.soft;
    ctx.textBaseline = "middle";
    for (let t = Math.ceil(view.t0 / step) * step; t <= view.t1; t += step) {
      const x = GUTTER + ((t - view.t0) / (view.t1 - view.t0)) * (width - GUTTER);
      ctx.fillRect(x, AXIS - 6, 1, 6);
      const text = t === 0 ? "0" : formatMark(t, step);
      ctx.textAlign = x > width - 40 ? "right" : x < GUTTER + 20 ? "left" : "center";
      ctx.fillText(text, x, AXIS / 2 - 2);
    }
    return step;
  }

  // With enough digits to distinguish neighbouring marks.
  function formatMark(ticks, step) {
    const seconds = secondsOf(ticks);
    const [factor, unit] = seconds >= 1 && step >= 1e4 ? [1, " s"] : seconds >= 1e-3 || step >= 1e4 ? [1e3, " ms"] : [1e6, " µs"];
    const digits = Math.max(0, -Math.floor(Math.log10(secondsOf(step) * factor) + 1e-9));
    return (seconds * factor).toFixed(digits) + unit;
  }

  // ---- lanes ------------------------------------------------------------------------------------

  // Draws one lane's spans. `toX` maps ticks to pixels; box: { y, height } of the blocks.
  function drawSpans(ctx, lane, view, toX, box, paint) {
    const { starts, ends, kinds, count } = lane.spans;
    const sums = [0, 0, 0];
    let column = -1, drawn = 0;
    const flush = () => {
      if (column < 0) return;
      let y = box.y;
      for (const kind of [Lanes.HOLD, Lanes.WAIT, Lanes.BLOCKED]) {
        const tall = sums[kind] * box.height;
        if (tall > 0.2) { ctx.fillStyle = paint.dense[kind]; ctx.fillRect(column, y, 1, tall); }
        y += tall;
        sums[kind] = 0;
      }
      column = -1;
    };
    for (let i = Lanes.firstAfter(lane.spans, view.t0); i < count && starts[i] < view.t1; i++) {
      const left = Math.max(toX(starts[i]), paint.left), right = Math.min(toX(ends[i]), paint.right);
      drawn++;
      if (right - left >= 1) {
        flush();
        drawBlock(ctx, lane, i, left, right, box, paint);
        continue;
      }
      const at = Math.floor(left);
      if (at !== column) { flush(); column = at; }
      sums[kinds[i]] += right - left;
    }
    flush();
    return drawn;
  }

  function drawBlock(ctx, lane, i, left, right, box, paint) {
    const kind = lane.spans.kinds[i];
    ctx.fillStyle = paint.fills[kind];
    if (kind === Lanes.HOLD) {
      ctx.fillRect(left, box.y, right - left, box.height);
      return;
    }
    if (kind === Lanes.WAIT) {
      ctx.fillRect(left, box.y + box.height * WAIT_INSET, right - left, box.height * (1 - 2 * WAIT_INSET));
      return;
    }
    ctx.fillRect(left, box.y + box.height / 2 - 2, right - left, 4);
    const name = lane.recording.names[lane.spans.names[i]];
    if (right - left < 60 || box.height < LABEL_LEAST) return;
    ctx.font = `11px ${FONT}`;
    const wide = ctx.measureText(name).width;
    const middle = (left + right) / 2;
    ctx.fillStyle = paint.theme.paper;
    ctx.fillRect(middle - wide / 2 - 4, box.y, wide + 8, box.height);
    ctx.fillStyle = paint.theme.soft;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(name, middle, box.y + box.height / 2 + 0.5);
  }

  // Tasks: a strip above the blocks, with gaps between neighbours if they are wide enough.
  function drawTasks(ctx, lane, view, toX, y, paint) {
    const { starts, ends, count } = lane.tasks;
    ctx.fillStyle = paint.theme.task;
    let filled = -1;
    for (let i = Lanes.firstAfter(lane.tasks, view.t0); i < count && starts[i] < view.t1; i++) {
      const left = Math.max(toX(starts[i]), paint.left), right = Math.min(toX(ends[i]), paint.right);
      if (right <= filled) continue; // that pixel is full already
      ctx.fillRect(left, y, Math.max(right - left > 3 ? right - left - 1 : right - left, 0.5), TASK_STRIP - 2);
      filled = Math.ceil(right) - 1;
    }
  }

  const shorten = (ctx, text, most) => {
    if (ctx.measureText(text).width <= most) return text;
    while (text.length > 1 && ctx.measureText(text + "…").width > most) text = text.slice(0, -1);
    return text + "…";
  };

  function drawLaneLabel(ctx, row, theme) {
    const { lane } = row;
    if (row.height < LABEL_LEAST) return;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.font = `13px ${FONT}`;
    ctx.fillStyle = theme.ink;
    const middle = row.y + row.height / 2 + 1;
    const name = shorten(ctx, lane.thread || "thread " + lane.tid, 116);
    ctx.fillText(name, 18, middle);
    ctx.font = `11px ${FONT}`;
    ctx.fillStyle = theme.soft;
    ctx.textAlign = "right";
    ctx.fillText(row.isShared ? "" : "pid " + lane.pid + ", VM " + lane.vm, GUTTER - 10, middle);
  }

  function drawTitle(ctx, row, width, theme) {
    ctx.fillStyle = theme.raised;
    ctx.fillRect(0, row.y, width, row.height);
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    const middle = row.y + row.height / 2 + 1;
    ctx.font = `600 15px ${FONT}`;
    ctx.fillStyle = theme.ink;
    ctx.fillText(row.text, 10, middle);
    const behind = Math.max(GUTTER, 22 + ctx.measureText(row.text).width);
    ctx.font = `13px ${FONT}`;
    ctx.fillStyle = theme.soft;
    ctx.fillText(row.more, behind, middle);
  }

  function drawSubtitle(ctx, row, theme) {
    ctx.font = `12px ${FONT}`;
    ctx.fillStyle = theme.soft;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText(row.text, 18, row.y + row.height / 2 + 1);
  }

  function drawLane(ctx, row, view, toX, paint) {
    const { lane } = row;
    const hasStrip = lane.tasks.count > 0 && row.height >= LABEL_LEAST;
    const top = row.y + PAD + (hasStrip ? TASK_STRIP : 0);
    const box = { y: top, height: row.y + row.height - PAD - top };
    if (row.shade) { ctx.fillStyle = paint.theme.shade; ctx.fillRect(paint.left, row.y, paint.right - paint.left, row.height); }
    if (row.isShared) { ctx.fillStyle = paint.theme.soft; ctx.fillRect(8, row.y + 1, 3, row.height); }
    const life = lane.life || [0, lane.recording.end];
    const left = Math.max(toX(life[0]), paint.left), right = Math.min(toX(life[1]), paint.right);
    ctx.fillStyle = paint.theme.line;
    if (right > left) ctx.fillRect(left, box.y + box.height / 2, right - left, 1);
    if (hasStrip) drawTasks(ctx, lane, view, toX, row.y + PAD, paint);
    drawLaneLabel(ctx, row, paint.theme);
    return drawSpans(ctx, lane, view, toX, box, paint);
  }

  // Messages: thin lines from put to take, none if there are too many. Returns how many are in view.
  function drawMessages(ctx, layout, shown, view, toX, paint) {
    const lines = [];
    for (const recording of shown) {
      const list = recording.messages;
      for (let i = 0; i < list.length; i += 4) {
        if (list[i + 3] < view.t0 || list[i + 1] > view.t1) continue;
        const from = layout.byLane.get(recording.lanes[list[i]]), to = layout.byLane.get(recording.lanes[list[i + 2]]);
        if (from && to && from !== to) lines.push([list[i + 1], from, list[i + 3], to]);
      }
    }
    if (lines.length > MESSAGES_MOST) return lines.length;
    ctx.save();
    ctx.beginPath();
    ctx.rect(paint.left, 0, paint.right - paint.left, layout.height);
    ctx.clip();
    ctx.strokeStyle = ctx.fillStyle = paint.theme.message;
    ctx.globalAlpha = lines.length > 200 ? 0.25 : lines.length > 40 ? 0.45 : 0.8;
    ctx.lineWidth = 1;
    for (const [sent, from, taken, to] of lines) {
      const x = toX(taken), y = to.y + to.height / 2;
      ctx.beginPath();
      ctx.moveTo(toX(sent), from.y + from.height / 2);
      ctx.lineTo(x, y);
      ctx.stroke();
      if (lines.length <= 200) { ctx.beginPath(); ctx.arc(x, y, 2, 0, 7); ctx.fill(); }
    }
    ctx.restore();
    return lines.length;
  }

  function drawGrid(ctx, view, step, toX, height, theme) {
    ctx.fillStyle = theme.grid;
    for (let t = Math.ceil(view.t0 / step) * step; t <= view.t1; t += step) ctx.fillRect(toX(t), 0, 1, height);
  }

  // ---- words ------------------------------------------------------------------------------------

  function describeSpan(lane, row, time, slack) {
    const i = Lanes.spanAt(lane.spans, time, 0), near = i >= 0 ? i : Lanes.spanAt(lane.spans, time, slack);
    const { starts, ends, names, kinds } = lane.spans;
    const lines = [`${lane.thread || "thread " + lane.tid} in ${lane.world}`];
    if (near < 0) {
      const hasBegun = !lane.life || (time >= lane.life[0] && time <= lane.life[1]);
      lines.push(hasBegun ? "idle" : "not there", "at " + format(Math.max(0, time)));
    } else {
      const name = lane.recording.names[names[near]];
      lines.push(`${kinds[near] === Lanes.BLOCKED ? "blocked in " + name : name}: ${format(ends[near] - starts[near])}`,
        `from ${format(starts[near])} to ${format(ends[near])}`);
    }
    const task = Lanes.spanAt(lane.tasks, time, slack);
    if (task >= 0) {
      const length = lane.tasks.ends[task] - lane.tasks.starts[task];
      lines.push(`${lane.recording.names[lane.tasks.names[task]]}: ${format(length)}`);
    }
    lines.push(`pid ${lane.pid}${lane.process ? " (" + lane.process + ")" : ""}, thread ${lane.tid}, VM ${lane.vm}`);
    return lines.join("\n");
  }

  function legendEntries(paint, theme) {
    const block = (fill) => (ctx) => { ctx.fillStyle = fill; ctx.fillRect(0, 1, 34, 14); };
    const bar = (fill, y, tall) => (ctx) => { ctx.fillStyle = fill; ctx.fillRect(0, y, 34, tall); };
    return [["holds the lock: runs Lua", block(paint.fills[Lanes.HOLD])],
      ["waits for the lock", bar(paint.fills[Lanes.WAIT], 3, 10)],
      ["blocked in a call", bar(theme.blocked, 6, 4)],
      ["idle", bar(theme.soft, 8, 1)],
      ["task", bar(theme.task, 6, 3)]];
  }

  function fillLegend(element, paint, theme) {
    element.replaceChildren(...legendEntries(paint, theme).map(([text, draw]) => {
      const item = document.createElement("li"), canvas = document.createElement("canvas");
      const scale = devicePixelRatio || 1;
      canvas.width = 34 * scale;
      canvas.height = 16 * scale;
      const ctx = canvas.getContext("2d");
      ctx.scale(scale, scale);
      draw(ctx);
      item.append(canvas, text);
      return item;
    }));
  }

  // ---- the chart --------------------------------------------------------------------------------

  const byId = (id) => document.getElementById(id);

  // One timeline: its data and elements, `state` (which tests read), rows, colours, and the drag.
  function newChart(data, tooltip) {
    const full = { t0: 0, t1: data.end * 1.005 };
    const shown = new Set(data.recordings.map((recording) => recording.world));
    const layout = Lanes.layOut(data, shown);
    const state = { view: { ...full }, drawn: 0, messagesInView: 0, frames: 0, lanes: layout.byLane.size };
    return { data, tooltip, full, shown, layout, state, paint: null, isScheduled: false, drag: null,
      canvas: byId("timeline"), axis: byId("axis"), crosshair: byId("crosshair") };
  }

  const plotWidth = (chart) => chart.canvas.clientWidth - GUTTER;

  // Made once for each picture, because asking the browser for a width costs more than drawing a span.
  function makeToX(chart) {
    const { t0, t1 } = chart.state.view, scale = plotWidth(chart) / (t1 - t0);
    return (t) => GUTTER + (t - t0) * scale;
  }

  function toTime(chart, x) {
    const { t0, t1 } = chart.state.view;
    return t0 + ((x - GUTTER) / plotWidth(chart)) * (t1 - t0);
  }

  const xOf = (chart, event) => event.clientX - chart.canvas.getBoundingClientRect().left;

  function drawRows(ctx, chart, width, toX, paint) {
    let drawn = 0;
    for (const row of chart.layout.rows) {
      if (row.kind === "world") drawTitle(ctx, row, width, paint.theme);
      else if (row.kind === "vm") drawSubtitle(ctx, row, paint.theme);
      else drawn += drawLane(ctx, row, chart.state.view, toX, paint);
    }
    return drawn;
  }

  function draw(chart) {
    chart.isScheduled = false;
    const width = chart.canvas.clientWidth, { state, layout } = chart;
    if (!chart.paint || width <= GUTTER) return;
    const { view } = state, paint = { ...chart.paint, left: GUTTER, right: width };
    const step = drawAxis(chart.axis, view, width, paint.theme);
    const ctx = prepare(chart.canvas, width, layout.height), toX = makeToX(chart);
    drawGrid(ctx, view, step, toX, layout.height, paint.theme);
    state.drawn = drawRows(ctx, chart, width, toX, paint);
    const recordings = chart.data.recordings.filter((recording) => chart.shown.has(recording.world));
    const wantsMessages = byId("messages").checked;
    state.messagesInView = wantsMessages ? drawMessages(ctx, layout, recordings, view, toX, paint) : 0;
    say(state, recordings);
    state.frames++;
  }

  function say({ view, messagesInView }, recordings) {
    const parts = [`${format(view.t0)} to ${format(view.t1)} in view`];
    if (messagesInView > MESSAGES_MOST)
      parts.push(`${messagesInView.toLocaleString("en")} messages are too many for lines: zoom in`);
    const dropped = recordings.reduce((sum, recording) => sum + (recording.dropped || 0), 0);
    if (dropped) parts.push(`${dropped.toLocaleString("en")} events were not recorded`);
    byId("timeline-status").textContent = parts.join("; ") + ".";
  }

  function schedule(chart) {
    if (!chart.isScheduled) requestAnimationFrame(() => draw(chart));
    chart.isScheduled = true;
  }

  function remake(chart, theme) {
    chart.paint = { theme, fills: [theme.hold, stripes(theme), theme.blocked],
      dense: [theme.hold, theme.waitDense, theme.blocked] };
    fillLegend(byId("legend"), chart.paint, theme);
    draw(chart);
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

  // ---- pointer, wheel, keys, buttons ------------------------------------------------------------

  function hover(chart, event) {
    const { crosshair, tooltip } = chart, { t0, t1 } = chart.state.view;
    const x = xOf(chart, event), y = event.clientY - chart.canvas.getBoundingClientRect().top;
    const row = Lanes.rowAt(chart.layout, y);
    crosshair.hidden = x < GUTTER;
    crosshair.style.left = x + "px";
    if (!row || row.kind !== "lane" || x < GUTTER) { tooltip.hide(); return; }
    const slack = ((t1 - t0) / plotWidth(chart)) * 1.5;
    tooltip.show(describeSpan(row.lane, row, toTime(chart, x), slack), event);
  }

  function leave(chart) { chart.tooltip.hide(); chart.crosshair.hidden = true; }

  function startDrag(chart, event) {
    const { canvas } = chart, x = xOf(chart, event), isMarking = event.shiftKey;
    if (event.button !== 0 || x < GUTTER) return;
    chart.drag = { x, view: { ...chart.state.view }, isMarking };
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.toggle("dragging", !isMarking);
    chart.crosshair.classList.toggle("marking", isMarking);
    chart.tooltip.hide();
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
    if (x < GUTTER) return;
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      move(chart, (event.deltaX || event.deltaY) / plotWidth(chart));
      return;
    }
    zoom(chart, Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), toTime(chart, x));
    hover(chart, event);
  }

  const closer = (chart) => zoom(chart, 0.6), farther = (chart) => zoom(chart, 1 / 0.6);
  const KEYS = { ArrowLeft: (chart) => move(chart, -0.15), ArrowRight: (chart) => move(chart, 0.15), "+": closer, "=": closer,
    "-": farther, 0: reset, Home: reset, Escape: reset };

  function onKey(chart, event) {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    KEYS[event.key](chart);
    event.preventDefault();
  }

  function toggleWorld(chart, world) {
    if (!chart.shown.delete(world)) chart.shown.add(world);
    chart.layout = Lanes.layOut(chart.data, chart.shown);
    chart.state.lanes = chart.layout.byLane.size;
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
    byId("zoom-in").addEventListener("click", () => zoom(chart, 0.5));
    byId("zoom-out").addEventListener("click", () => zoom(chart, 2));
    byId("zoom-reset").addEventListener("click", () => reset(chart));
    byId("messages").addEventListener("change", () => schedule(chart));
    byId("worlds").replaceChildren(...chart.data.recordings.map((recording) => makeWorldButton(chart, recording.world)));
  }

  // The timeline of recordings from Lanes.read: { state } and its functions, with remake(theme) and resize().
  function make(data, tooltip) {
    const chart = newChart(data, tooltip);
    listenToPointer(chart);
    chart.canvas.addEventListener("wheel", (event) => onWheel(chart, event), { passive: false });
    chart.canvas.addEventListener("keydown", (event) => onKey(chart, event));
    connectButtons(chart);
    byId("timeline-section").hidden = false;
    return {
      state: chart.state, draw: () => draw(chart), resize: () => schedule(chart), remake: (theme) => remake(chart, theme),
      zoom: (factor, time) => zoom(chart, factor, time), move: (share) => move(chart, share), reset: () => reset(chart),
      setView: (t0, t1) => setView(chart, t0, t1),
    };
  }

  return { make };
})();
