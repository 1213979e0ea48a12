// SPDX-License-Identifier: MIT
// The pictures of the timeline: the scale, lanes, messages, the legend. Nothing here moves; controls.js says what is in view.
//
// A span of a pixel or more is drawn as it is; shorter ones are summed in their pixel, which is filled in proportion,
// so drawing is one pass over the spans in view. Shape shows the state as well as colour: holding is a full block, ready
// without a processor a dotted one, waiting a striped one, blocked a thin bar, idle a hairline.
"use strict";

const Timeline = (() => {
  const AXIS = 30, MESSAGES_MOST = 1500, TASK_STRIP = 5, WAIT_INSET = 0.2, LABEL_LEAST = 12, PAD = 3, MARK = 96, SIGN = 28;
  const FONT = 'system-ui, "DejaVu Sans", sans-serif';
  const STEPS = [1, 2, 5];
  const COLOURS = ["paper", "raised", "ink", "soft", "line", "grid", "hold", "wait", "wait-ground", "wait-dense", "ready", "blocked",
    "task", "message"];

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

  // ---- colours and patterns ---------------------------------------------------------------------

  function pattern(side, ground, draw) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = side;
    const ctx = tile.getContext("2d");
    ctx.fillStyle = ground;
    ctx.fillRect(0, 0, side, side);
    draw(ctx);
    return ctx.createPattern(tile, "repeat");
  }

  const stripes = (theme) => pattern(8, theme["wait-ground"], (ctx) => {
    ctx.strokeStyle = theme.wait;
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    for (const shift of [-8, 0, 8]) { ctx.moveTo(shift, 8); ctx.lineTo(shift + 8, 0); }
    ctx.stroke();
  });

  const dotted = (theme) => pattern(6, theme.ready, (ctx) => {
    ctx.fillStyle = "#3a3000";
    ctx.fillRect(1, 1, 1.5, 1.5);
    ctx.fillRect(4, 4, 1.5, 1.5);
  });

  // What the lanes are drawn with, for the colours of a theme.
  function newPaint(readColours) {
    const theme = readColours(COLOURS);
    return { theme, fills: [theme.hold, stripes(theme), theme.blocked], dense: [theme.hold, theme["wait-dense"], theme.blocked],
      ready: dotted(theme) };
  }

  // ---- the scale --------------------------------------------------------------------------------

  function stepOf(range, width) {
    const wanted = range / Math.max(2, width / MARK);
    const power = Math.pow(10, Math.floor(Math.log10(wanted)));
    return (STEPS.find((step) => step * power >= wanted) || 10) * power;
  }

  // With enough digits to distinguish neighbouring marks, and one unit for all.
  function formatMark(ticks, step, last) {
    const [factor, unit] = last >= 1e7 ? [1e-7, " s"] : last >= 1e4 ? [1e-4, " ms"] : [0.1, " µs"];
    const digits = Math.max(0, Math.ceil(-Math.log10(step * factor) - 1e-9));
    return (ticks * factor).toFixed(digits) + unit;
  }

  // At the edges marks are moved inwards, and one that would lie on its neighbour then is left out.
  function drawAxis(canvas, view, gutter, width, theme) {
    const ctx = prepare(canvas, width, AXIS), plot = width - gutter;
    const step = stepOf(view.t1 - view.t0, plot);
    ctx.font = `12.5px ${FONT}`;
    ctx.fillStyle = theme.soft;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    let free = -Infinity;
    for (let t = Math.ceil(view.t0 / step) * step; t <= view.t1; t += step) {
      const x = gutter + ((t - view.t0) / (view.t1 - view.t0)) * plot;
      ctx.fillRect(x, AXIS - 6, 1, 6);
      const text = t === 0 ? "0" : formatMark(t, step, view.t1), wide = ctx.measureText(text).width;
      const left = Math.min(Math.max(x - wide / 2, gutter + 2), width - wide - 4);
      if (left >= free) { ctx.fillText(text, left, AXIS / 2 - 2); free = left + wide + 8; }
    }
    return step;
  }

  // ---- lanes ------------------------------------------------------------------------------------

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

  // Over the blocks of holding: how much of them the thread had no processor for, from below.
  function drawReady(ctx, lane, view, toX, box, paint) {
    const { starts, ends, shares, count } = lane.ready;
    ctx.fillStyle = paint.ready;
    for (let i = Lanes.firstAfter(lane.ready, view.t0); i < count && starts[i] < view.t1; i++) {
      const left = Math.max(toX(starts[i]), paint.left), right = Math.min(toX(ends[i]), paint.right);
      const tall = shares[i] * box.height;
      ctx.fillRect(left, box.y + box.height - tall, Math.max(right - left, 0.5), tall);
    }
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

  function drawLane(ctx, row, view, toX, paint) {
    const { lane } = row;
    const hasStrip = lane.tasks.count > 0 && row.tall >= LABEL_LEAST;
    const top = row.top + PAD + (hasStrip ? TASK_STRIP : 0);
    const box = { y: top, height: row.top + row.tall - PAD - top };
    if (row.isShared) { ctx.fillStyle = paint.theme.soft; ctx.fillRect(paint.left ? 8 : 2, row.y + 1, 3, row.height); }
    const life = lane.life || [0, lane.recording.end];
    const left = Math.max(toX(life[0]), paint.left), right = Math.min(toX(life[1]), paint.right);
    ctx.fillStyle = paint.theme.soft;
    ctx.globalAlpha = 0.5;
    if (right > left) ctx.fillRect(left, box.y + box.height / 2, right - left, 1);
    ctx.globalAlpha = 1;
    if (hasStrip) drawTasks(ctx, lane, view, toX, row.top + PAD, paint);
    const drawn = drawSpans(ctx, lane, view, toX, box, paint);
    drawReady(ctx, lane, view, toX, box, paint);
    return drawn;
  }

  // The messages in view: [time of the put, row, time of the take, row] each.
  function linesOf(layout, shown, view) {
    const lines = [];
    for (const recording of shown) {
      const list = recording.messages;
      for (let i = 0; i < list.length; i += 4) {
        if (list[i + 3] < view.t0 || list[i + 1] > view.t1) continue;
        const from = layout.byLane.get(recording.lanes[list[i]]), to = layout.byLane.get(recording.lanes[list[i + 2]]);
        if (from && to && from !== to) lines.push([list[i + 1], from, list[i + 3], to]);
      }
    }
    return lines;
  }

  const middleOf = (row) => row.top + row.tall / 2;

  // Messages: thin lines from put to take, none if there are too many. Returns how many are in view.
  function drawMessages(ctx, layout, shown, view, toX, paint) {
    const lines = linesOf(layout, shown, view);
    if (lines.length > MESSAGES_MOST) return lines.length;
    ctx.save();
    ctx.beginPath();
    ctx.rect(paint.left, 0, paint.right - paint.left, layout.height);
    ctx.clip();
    ctx.strokeStyle = ctx.fillStyle = paint.theme.message;
    ctx.globalAlpha = lines.length > 200 ? 0.25 : lines.length > 40 ? 0.45 : 0.8;
    ctx.lineWidth = 1;
    for (const [sent, from, taken, to] of lines) {
      const x = toX(taken), y = middleOf(to);
      ctx.beginPath();
      ctx.moveTo(toX(sent), middleOf(from));
      ctx.lineTo(x, y);
      ctx.stroke();
      if (lines.length <= 200) { ctx.beginPath(); ctx.arc(x, y, 2, 0, 7); ctx.fill(); }
    }
    ctx.restore();
    return lines.length;
  }

  // Titles and every other VM are on a darker ground, the lines of the scale over all.
  function drawGround(ctx, layout, view, step, toX, paint) {
    const { theme, left, right } = paint;
    for (const row of layout.rows) {
      ctx.fillStyle = theme.raised;
      if (row.kind === "world") ctx.fillRect(0, row.y, right, row.height);
      else if (row.shade) ctx.fillRect(left, row.y, right - left, row.height);
    }
    ctx.fillStyle = theme.grid;
    for (let t = Math.ceil(view.t0 / step) * step; t <= view.t1; t += step) ctx.fillRect(toX(t), 0, 1, layout.height);
  }

  // Draws what is in view: view { t0, t1 }, gutter (pixels on the left that have names), recordings that are shown, and
  // whether messages are wanted. Returns { drawn, messagesInView }.
  function draw(canvas, axis, layout, { view, gutter, recordings, wantsMessages }, paint) {
    const width = canvas.clientWidth, here = { ...paint, left: gutter, right: width };
    const scale = (width - gutter) / (view.t1 - view.t0), toX = (t) => gutter + (t - view.t0) * scale;
    const step = drawAxis(axis, view, gutter, width, paint.theme);
    const ctx = prepare(canvas, width, layout.height);
    drawGround(ctx, layout, view, step, toX, here);
    const lanes = layout.rows.filter((row) => row.kind === "lane");
    const drawn = lanes.reduce((sum, row) => sum + drawLane(ctx, row, view, toX, here), 0);
    const messagesInView = wantsMessages ? drawMessages(ctx, layout, recordings, view, toX, here) : 0;
    return { drawn, messagesInView };
  }

  // ---- the legend -------------------------------------------------------------------------------

  function legendEntries(paint, hasSamples) {
    const { theme } = paint;
    const bar = (fill, y, tall) => (ctx) => { ctx.fillStyle = fill; ctx.fillRect(0, y, SIGN, tall); };
    const ready = [["ready, no processor", bar(paint.ready, 1, 14)]];
    return [["holds the lock", bar(paint.fills[Lanes.HOLD], 1, 14)],
      ...(hasSamples ? ready : []),
      ["waits for the lock", bar(paint.fills[Lanes.WAIT], 3, 10)],
      ["blocked in a call", bar(theme.blocked, 6, 4)],
      ["idle", bar(theme.soft, 8, 1)],
      ["task", bar(theme.task, 6, 3)],
      ["message", (ctx) => {
        ctx.strokeStyle = ctx.fillStyle = theme.message;
        ctx.beginPath();
        ctx.moveTo(1, 2);
        ctx.lineTo(SIGN - 3, 13);
        ctx.stroke();
        ctx.beginPath();
        ctx.arc(SIGN - 3, 13, 2, 0, 7);
        ctx.fill();
      }]];
  }

  function fillLegend(element, paint, hasSamples) {
    element.replaceChildren(...legendEntries(paint, hasSamples).map(([text, drawSign]) => {
      const item = document.createElement("li"), canvas = document.createElement("canvas");
      const scale = devicePixelRatio || 1;
      canvas.width = SIGN * scale;
      canvas.height = 16 * scale;
      canvas.setAttribute("aria-hidden", "true");
      const ctx = canvas.getContext("2d");
      ctx.scale(scale, scale);
      drawSign(ctx);
      item.append(canvas, text);
      return item;
    }));
  }

  return { MESSAGES_MOST, newPaint, draw, fillLegend };
})();
