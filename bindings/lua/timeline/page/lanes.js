// SPDX-License-Identifier: MIT
// The lanes: recorded runs as typed arrays, and their layout in rows of pixels. Nothing is drawn here.
//
// Times are ticks, tenths of a microsecond. A lane's spans are in order and do not overlap, so bisection finds those in
// view. Rows, from top to bottom: a title for each world, a title for each VM that several threads share, lanes.
"use strict";

const Lanes = (() => {
  const HOLD = 0, WAIT = 1, BLOCKED = 2, TASK = 3, WORKER = 4, FIELDS = 4;
  const WIDE = { title: 34, subtitle: 20, name: 0 }, NARROW = { title: 50, subtitle: 20, name: 18 };
  const LANE = 26, LANE_LEAST = 8, NAME_LEAST = 12, MOST_HEIGHT = 8000, GAP = 6;

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

  // {start, length, name, percent ready, …} as columns.
  function sampleColumns(flat) {
    const count = flat.length / FIELDS;
    const columns = { count, starts: new Float64Array(count), ends: new Float64Array(count), names: new Uint32Array(count),
      shares: new Float64Array(count) };
    for (let i = 0; i < count; i++) {
      columns.starts[i] = flat[i * FIELDS];
      columns.ends[i] = flat[i * FIELDS] + flat[i * FIELDS + 1];
      columns.names[i] = flat[i * FIELDS + 2];
      columns.shares[i] = flat[i * FIELDS + 3] / 100;
    }
    return columns;
  }

  // Where the thread held the lock and yet stood ready without a processor for a share of the time: parts of spans.
  function readyParts(spans, samples) {
    const starts = [], ends = [], shares = [];
    for (let i = 0, k = 0; i < spans.count; i++) {
      if (spans.kinds[i] !== HOLD) continue;
      while (k < samples.count && samples.ends[k] <= spans.starts[i]) k++;
      for (let j = k; j < samples.count && samples.starts[j] < spans.ends[i]; j++) {
        if (!samples.shares[j]) continue;
        starts.push(Math.max(spans.starts[i], samples.starts[j]));
        ends.push(Math.min(spans.ends[i], samples.ends[j]));
        shares.push(samples.shares[j]);
      }
    }
    const sum = starts.reduce((all, from, i) => all + (ends[i] - from) * shares[i], 0);
    return { count: starts.length, starts, ends, shares, sum };
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
    const all = columnsOf(lane.tasks), samples = sampleColumns(lane.samples || []);
    const end = Math.max(0, ...[spans, tasks, all].map((c) => (c.count ? c.ends[c.count - 1] : 0)));
    const life = all.count && all.kinds[0] === WORKER ? [all.starts[0], all.ends[0]] : null;
    return { ...lane, recording, spans, tasks, samples, ready: readyParts(spans, samples), end, life, sums: sumKinds(spans) };
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

  const counted = (count, one, many) => (count === 1 ? "one " + one : `${count} ${many}`);

  // What there is: processes where there are several, and threads where they are not the same.
  function titleOf(recording) {
    const { vms, lanes, sums } = recording;
    const processes = new Set(lanes.map((lane) => lane.pid)).size, threads = lanes.length;
    const parts = processes > 1 ? [`${processes} processes`] : [];
    if (threads !== processes || processes === 1) parts.push(counted(threads, "thread", "threads"));
    const holders = processes > 1 && threads === processes ? processes : threads;
    parts.push(vms.length === holders && vms.length > 1 ? "a VM each" : counted(vms.length, "VM", "VMs"));
    const wanted = sums[HOLD] + sums[WAIT], isShared = vms.some((vm) => vm.length > 1);
    const waiting = isShared && wanted ? `; ${Page.percent(sums[WAIT] / wanted)} waiting for its lock` : "";
    return parts.join(", ") + waiting;
  }

  // The rows of the recordings in `shown` (a set of worlds), with their places, and the height of all. A lane has its
  // picture at `top`, `tall` pixels high; in a narrow window its name stands above that.
  function layOut(data, shown, isNarrow) {
    const visible = data.recordings.filter((recording) => shown.has(recording.world)), sizes = isNarrow ? NARROW : WIDE;
    const count = visible.reduce((sum, recording) => sum + recording.lanes.length, 0);
    const tall = Math.max(LANE_LEAST, Math.min(LANE, Math.floor(MOST_HEIGHT / Math.max(1, count))));
    const hasNames = tall >= NAME_LEAST, above = hasNames ? sizes.name : 0;
    const rows = [];
    let y = 0;
    const add = (row, height) => { rows.push({ ...row, y, height }); y += height; };
    for (const recording of visible) {
      add({ kind: "world", recording, text: recording.world, more: titleOf(recording) }, sizes.title);
      recording.vms.forEach((vm, number) => {
        if (vm.length > 1) add({ kind: "vm", text: `VM ${vm[0].vm}: ${vm.length} threads take turns at one lock` }, sizes.subtitle);
        vm.forEach((lane) => add({ kind: "lane", lane, shade: number % 2, isShared: vm.length > 1, hasName: hasNames, top: y + above, tall }, above + tall));
      });
      y += GAP;
    }
    return { rows, height: y, byLane: new Map(rows.filter((r) => r.lane).map((r) => [r.lane, r])) };
  }

  function rowAt(layout, y) { return layout.rows.find((row) => y >= row.y && y < row.y + row.height) || null; }

  function spanAt(columns, time, slack) {
    const i = firstAfter(columns, time - slack);
    return i < columns.count && columns.starts[i] <= time + slack ? i : -1;
  }

  return { HOLD, WAIT, BLOCKED, TASK, read, layOut, rowAt, spanAt, firstAfter };
})();
