// SPDX-License-Identifier: MIT
// The lanes: recorded runs as typed arrays, and their layout in rows of pixels. Nothing is drawn here.
//
// Times are ticks, tenths of a microsecond. A lane's spans are in order and do not overlap, so bisection finds those in
// view. Rows, from top to bottom: a title for each world, a title for each VM that several threads share, lanes.
"use strict";

const Lanes = (() => {
  const HOLD = 0, WAIT = 1, BLOCKED = 2, TASK = 3, WORKER = 4, FIELDS = 4;
  const TITLE = 34, SUBTITLE = 20, LANE = 26, LANE_LEAST = 8, MOST_HEIGHT = 8000;

  // {kind, start, length, name, …} as columns.
  function columnsOf(flat) {
    const count = flat.length / FIELDS;
    const columns = { count, kinds: new Uint8Array(count), starts: new Float64Array(count), ends: new Float64Array(count),
      names: new Uint32Array(count) };
    for (let i = 0; i < count; i++) {
      columns.kinds[i] = flat[i * FIELDS];
      columns.starts[i] = flat[i * FIELDS + 1];
      columns.ends[i] = flat[i * FIELDS + 1] + flat[i * FIELDS + 2];
      columns.names[i] = flat[i * FIELDS + 3];
    }
    return columns;
  }

  // The first span that ends after `time`.
  function firstAfter(columns, time) {
    let low = 0, high = columns.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (columns.ends[middle] > time) high = middle; else low = middle + 1;
    }
    return low;
  }

  function sumKinds(spans) {
    const sums = [0, 0, 0];
    for (let i = 0; i < spans.count; i++) sums[spans.kinds[i]] += spans.ends[i] - spans.starts[i];
    return sums;
  }

  // Tasks without those that are a worker's whole life, which the lane itself shows.
  const withoutWorkers = (flat) => {
    const kept = [];
    for (let i = 0; i < flat.length; i += FIELDS)
      if (flat[i] !== WORKER) kept.push(flat[i], flat[i + 1], flat[i + 2], flat[i + 3]);
    return kept;
  };

  function readLane(lane, recording) {
    const spans = columnsOf(lane.spans), tasks = columnsOf(withoutWorkers(lane.tasks));
    const all = columnsOf(lane.tasks);
    const end = Math.max(0, ...[spans, tasks, all].map((c) => (c.count ? c.ends[c.count - 1] : 0)));
    const life = all.count && all.kinds[0] === WORKER ? [all.starts[0], all.ends[0]] : null;
    return { ...lane, recording, spans, tasks, end, life, sums: sumKinds(spans) };
  }

  // The lanes in groups by VM, and the VMs by process, both in the order of their first appearance.
  function groupByVm(lanes) {
    const processes = new Map();
    for (const lane of lanes) {
      if (!processes.has(lane.pid)) processes.set(lane.pid, new Map());
      const vms = processes.get(lane.pid);
      if (!vms.has(lane.vm)) vms.set(lane.vm, []);
      vms.get(lane.vm).push(lane);
    }
    return [...processes.values()].flatMap((vms) => [...vms.values()]);
  }

  function readRecording(plain) {
    const recording = { ...plain };
    recording.lanes = plain.lanes.map((lane) => readLane(lane, recording));
    recording.sums = [0, 1, 2].map((kind) => recording.lanes.reduce((sum, lane) => sum + lane.sums[kind], 0));
    recording.vms = groupByVm(recording.lanes);
    recording.end = Math.max(0, ...recording.lanes.map((lane) => lane.end));
    return recording;
  }

  function read(timeline) {
    const recordings = timeline.map(readRecording);
    return {
      recordings, end: Math.max(1, ...recordings.map((r) => r.end)),
      lanes: recordings.flatMap((r) => r.lanes),
      spans: recordings.reduce((sum, r) => sum + r.lanes.reduce((n, lane) => n + lane.spans.count, 0), 0),
      messages: recordings.reduce((sum, r) => sum + r.messages.length / 4, 0),
    };
  }

  const percent = (share) => Math.round(share * 100) + " %";

  function titleOf(recording) {
    const shared = recording.vms.filter((vm) => vm.length > 1).length, count = recording.vms.length;
    const vms = count === 1 ? "one VM, one lock" : `${count} VMs, each with its lock`;
    const threads = recording.lanes.length === 1 ? "one thread" : `${recording.lanes.length} threads`;
    const wanted = recording.sums[HOLD] + recording.sums[WAIT];
    const waiting = shared && wanted ? `; ${percent(recording.sums[WAIT] / wanted)} of the time waiting for it` : "";
    return `${threads}, ${vms}${waiting}`;
  }

  // The rows of the recordings in `shown` (a set of worlds), with their places, and the height of all.
  function layOut(data, shown) {
    const visible = data.recordings.filter((recording) => shown.has(recording.world));
    const count = visible.reduce((sum, recording) => sum + recording.lanes.length, 0);
    const height = Math.max(LANE_LEAST, Math.min(LANE, Math.floor(MOST_HEIGHT / Math.max(1, count))));
    const rows = [];
    let y = 0;
    const add = (row, tall) => { rows.push({ ...row, y, height: tall }); y += tall; };
    for (const recording of visible) {
      add({ kind: "world", recording, text: recording.world, more: titleOf(recording) }, TITLE);
      recording.vms.forEach((vm, number) => {
        if (vm.length > 1) add({ kind: "vm", text: `VM ${vm[0].vm}: ${vm.length} threads take turns at one lock` }, SUBTITLE);
        vm.forEach((lane) => add({ kind: "lane", lane, shade: number % 2, isShared: vm.length > 1 }, height));
      });
      y += 6;
    }
    return { rows, height: y, byLane: new Map(rows.filter((r) => r.lane).map((r) => [r.lane, r])) };
  }

  function rowAt(layout, y) { return layout.rows.find((row) => y >= row.y && y < row.y + row.height) || null; }

  function spanAt(columns, time, slack) {
    const i = firstAfter(columns, time - slack);
    return i < columns.count && columns.starts[i] <= time + slack ? i : -1;
  }

  return { HOLD, WAIT, BLOCKED, TASK, read, layOut, rowAt, spanAt, firstAfter, percent };
})();
