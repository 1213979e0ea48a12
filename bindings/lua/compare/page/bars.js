// SPDX-License-Identifier: MIT
// The bars: one for each row of the table, with every run as a dot; and, where the number of workers was varied, the
// speed-up over that number. uPlot draws them; a change of the theme makes them again.
"use strict";

const Bars = (() => {
  const HEIGHT = 320, BAR_SHARE = 0.62, BAR_MOST = 110, DOT = 3.2, LABEL_ROOM = 1.2;

  const formatSeconds = (s) =>
    s === 0 ? "0 s" : s < 1e-3 ? (s * 1e6).toPrecision(3) + " µs" : s < 1 ? (s * 1e3).toPrecision(3) + " ms" : s.toPrecision(3) + " s";

  // All marks of a scale, in one unit and with enough digits to distinguish neighbours.
  function marksOf(list) {
    const most = list[list.length - 1] || 0, step = list.length > 1 ? list[1] - list[0] : most || 1;
    const [factor, unit] = most >= 1 ? [1, " s"] : most >= 1e-3 ? [1e3, " ms"] : [1e6, " µs"];
    const digits = [0, 1, 2, 3].find((d) => Math.abs(step * factor - (step * factor).toFixed(d)) < step * factor / 1e6) ?? 3;
    return list.map((s) => (s === 0 ? "0" : (s * factor).toFixed(digits) + unit));
  }

  const indices = (rows) => rows.map((_, i) => i);

  // The index of the row that the verdict calls fastest; -1: it calls none so.
  function fastestOf(report) {
    return report.rows.findIndex((row) => row.label === report.verdict.fastest);
  }

  const rangeOf = (row) => (row.low == null ? "" : ` (${row.low.toFixed(2)}–${row.high.toFixed(2)})`);

  // In device pixels, the unit of uPlot's canvas.
  function barWidth(u) {
    const one = Math.abs(u.valToPos(1, "x", true) - u.valToPos(0, "x", true));
    return Math.min(one * BAR_SHARE, BAR_MOST * devicePixelRatio);
  }

  function drawLabel(ctx, row, x, y, theme) {
    const size = 13 * devicePixelRatio;
    ctx.textAlign = "center";
    ctx.textBaseline = "bottom";
    ctx.font = `600 ${size}px system-ui, "DejaVu Sans", sans-serif`;
    ctx.fillStyle = theme.ink;
    ctx.fillText(formatSeconds(row.wall), x, y - size * 1.35);
    ctx.font = `${size * 0.92}px system-ui, "DejaVu Sans", sans-serif`;
    ctx.fillStyle = theme.soft;
    ctx.fillText(row.speedup.toFixed(2) + " ×" + rangeOf(row), x, y - size * 0.2);
  }

  // The runs from left to right, on a bar: first to last. Their range is a thin line in the middle.
  function drawRuns(u, rows, theme, state) {
    const ctx = u.ctx, width = barWidth(u) * 0.72;
    const toY = (seconds) => u.valToPos(seconds, "y", true);
    ctx.save();
    state.dots = 0;
    rows.forEach((row, i) => {
      const middle = u.valToPos(i, "x", true);
      ctx.strokeStyle = theme.dot;
      ctx.lineWidth = devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(middle, toY(row.least));
      ctx.lineTo(middle, toY(row.most));
      ctx.stroke();
      row.walls.forEach((wall, run) => {
        const share = row.walls.length > 1 ? run / (row.walls.length - 1) - 0.5 : 0;
        ctx.beginPath();
        ctx.arc(middle + share * width, toY(wall), DOT * devicePixelRatio, 0, 2 * Math.PI);
        ctx.fillStyle = theme.dot;
        ctx.fill();
        ctx.strokeStyle = theme.paper;
        ctx.stroke();
        state.dots++;
      });
      drawLabel(ctx, row, middle, toY(row.most) - DOT * 2 * devicePixelRatio, theme);
    });
    ctx.restore();
  }

  function describe(row) {
    const lines = [`${row.label}: ${formatSeconds(row.wall)} (median of ${row.walls.length})`,
      `from ${formatSeconds(row.least)} to ${formatSeconds(row.most)}`,
      `${row.speedup.toFixed(2)} ×${rangeOf(row)} as fast as serial`,
      `${formatSeconds(row.cpu)} of processor time, ${row.cores.toFixed(2)} cores`];
    if (row.path_speedup != null) lines.push(`${row.path_speedup.toFixed(2)} × on the critical path`);
    if (row.lock_share != null) lines.push(`${Math.round(row.lock_share * 100)} % waiting for the lock`);
    if (row.cpu_wait != null) lines.push(`${Math.round(row.cpu_wait * 100)} % without a processor`);
    return lines.join("\n");
  }

  const axisStyle = (theme) => ({
    stroke: theme.soft, font: '13px system-ui, "DejaVu Sans", sans-serif',
    grid: { stroke: theme.grid, width: 1 }, ticks: { stroke: theme.line, width: 1 },
  });

  const settingsOf = (row) => [row.lua, row.workers, row.chunks].filter((value) => value != null);
  const labelOf = (row) => [row.world, settingsOf(row).join(", ")].filter((line) => line !== "").join("\n");

  function makeBars(element, report, theme, tooltip, state) {
    const rows = report.rows, best = fastestOf(report);
    const most = Math.max(...rows.map((row) => row.most));
    const fills = rows.map((_, i) => (i === best ? theme.best : theme.bar));
    const perBar = { unit: 3, values: () => fills }; // uPlot accepts a colour for each bar only with both
    const disp = { fill: perBar, stroke: perBar };
    const x = { ...axisStyle(theme), splits: () => indices(rows), values: () => rows.map(labelOf), grid: { show: false },
      size: settingsOf(rows[0]).length ? 58 : 40, space: 1 };
    const y = { ...axisStyle(theme), size: 76, values: (u, list) => marksOf(list) };
    const options = {
      width: element.clientWidth, height: HEIGHT, legend: { show: false }, axes: [x, y],
      scales: { x: { time: false, range: [-0.6, rows.length - 0.4] }, y: { range: [0, most * LABEL_ROOM] } },
      cursor: { x: false, y: false, drag: { x: false, y: false }, points: { show: false } },
      series: [{}, {
        paths: uPlot.paths.bars({ size: [BAR_SHARE, BAR_MOST], disp }),
        fill: theme.bar, width: 0, points: { show: false },
      }],
      hooks: {
        draw: [(u) => drawRuns(u, rows, theme, state)],
        setCursor: [(u) => {
          const row = u.cursor.left >= 0 && u.cursor.idx != null ? rows[u.cursor.idx] : null;
          if (row) tooltip.show(describe(row), u.cursor.event); else tooltip.hide();
        }],
      },
    };
    const chart = new uPlot(options, [indices(rows), rows.map((row) => row.wall)], element);
    state.bars = rows.length;
    return chart;
  }

  const distinct = (values) => [...new Set(values)];

  // What else the rows vary besides the swept setting: a curve for each.
  const curveOf = (row, name) => [row.world, row.lua, name === "workers" ? row.chunks : row.workers].filter((v) => v != null).join(", ");

  // The values of a sweep from left to right: numbers in order, and then words, each as far apart as the next.
  function marksOfSweep(rows, name) {
    const values = distinct(rows.map((row) => row[name])).filter((value) => value != null);
    const numbers = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
    return [...numbers, ...values.filter((value) => typeof value !== "number")];
  }

  // A curve for each world: the speed-up over the swept setting. Sizes of chunks are far apart, so their marks stand at
  // equal distances; numbers of workers stand where they are, beside the line of a full share.
  function makeSweep(element, rows, name, theme) {
    const values = marksOfSweep(rows, name), isScale = name === "workers";
    const places = values.map((value, i) => (isScale ? value : i));
    const curves = distinct(rows.map((row) => curveOf(row, name)));
    const speedups = curves.map((curve) => values.map((value) => {
      const row = rows.find((r) => r[name] === value && curveOf(r, name) === curve);
      return row ? row.speedup : null;
    }));
    const lines = curves.map((curve, i) => ({
      label: curve, stroke: theme.worlds[i % theme.worlds.length], width: 2,
      points: { show: true, size: 7, fill: theme.worlds[i % theme.worlds.length] },
      value: (u, v) => (v == null ? "" : "× " + v.toFixed(2)),
    }));
    const ideal = isScale ? [{ label: "full share", stroke: theme.soft, dash: [6, 6], width: 1, points: { show: false } }] : [];
    const most = Math.max(...speedups.flat().filter((v) => v != null), 1.5);
    const options = {
      width: element.clientWidth, height: HEIGHT,
      axes: [{ ...axisStyle(theme), splits: () => places, values: () => values.map(String), label: name, labelSize: 26 },
        { ...axisStyle(theme), size: 60, values: (u, list) => list.map((v) => "× " + v) }],
      scales: { x: { time: false, range: [places[0] - 0.2, places[places.length - 1] + 0.2] },
        y: { range: [0, most * 1.15] } },
      legend: { live: false, markers: { fill: (u, i) => u.series[i].stroke() } },
      cursor: { drag: { x: false, y: false } },
      series: [{ label: name }, ...lines, ...ideal],
    };
    return new uPlot(options, [places, ...speedups, ...(isScale ? [places] : [])], element);
  }

  const SWEEPS = ["workers", "chunks"];

  // The charts of a report: { bars, dots }, the drawn shapes, with remake(theme) and resize().
  function make(report, tooltip) {
    const element = document.getElementById("bars");
    const swept = SWEEPS.filter((name) => marksOfSweep(report.rows, name).length > 1);
    const state = { bars: 0, dots: 0 };
    let charts = [];
    document.getElementById("bars-section").hidden = false;
    SWEEPS.forEach((name) => { document.getElementById(name + "-part").hidden = !swept.includes(name); });
    return {
      state,
      remake(theme) {
        charts.forEach((chart) => chart.destroy());
        charts = [makeBars(element, report, theme, tooltip, state)];
        swept.forEach((name) => charts.push(makeSweep(document.getElementById(name + "-curve"), report.rows, name, theme)));
      },
      resize() { charts.forEach((chart) => chart.setSize({ width: element.clientWidth, height: HEIGHT })); },
    };
  }

  return { make, formatSeconds, fastestOf };
})();
