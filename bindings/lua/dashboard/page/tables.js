// SPDX-License-Identifier: MIT
// Tables that are filled again with each event, without losing the focus, and with a search. All text comes from other
// programs, and is set as text.
"use strict";

const Tables = (() => {
  const tables = new Map(); // title → { section, body, note, rows, search }

  function makeSearch(table) {
    const search = document.createElement("input");
    search.type = "search";
    search.placeholder = "find";
    search.setAttribute("aria-label", "Find in this table");
    search.addEventListener("input", () => fill(table));
    return search;
  }

  // A head: text; { text }, above cells of text.
  function makeHead(head) {
    const cell = Page.cell("th", head.text ?? head, "col");
    if (head.text) cell.className = "long";
    return cell;
  }

  function makeTable(title, heads) {
    const section = document.createElement("section"), scroll = document.createElement("div");
    const element = document.createElement("table"), head = document.createElement("thead");
    const table = { section, scroll, body: document.createElement("tbody"), note: Page.cell("p", ""), rows: [] };
    const row = document.createElement("tr"), tools = document.createElement("div");
    table.search = makeSearch(table);
    table.note.className = "note";
    tools.className = "tools";
    tools.append(table.search, table.note);
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", title);
    row.append(...heads.map(makeHead));
    head.append(row);
    element.append(head, table.body);
    scroll.append(element);
    section.append(Page.cell("h2", title), tools, scroll);
    return table;
  }

  // A cell: text; { text, href }; { text, long }; { lane: list of states }; { buttons: [{ text, act }] }.
  function makeCell(content, i) {
    const cell = Page.cell(i === 0 ? "th" : "td", "", i === 0 ? "row" : undefined);
    if (typeof content !== "object") {
      cell.textContent = content;
    } else if (content.buttons) {
      const box = document.createElement("div");
      box.className = "actions";
      box.append(...content.buttons.map((button) => makeButton(button)));
      cell.append(box);
    } else if (content.lane) {
      const lane = document.createElement("div");
      lane.className = "lane";
      lane.setAttribute("role", "img");
      lane.setAttribute("aria-label", "the last seconds: " + (content.lane.at(-1) || "nothing known"));
      lane.append(...content.lane.map((state) => {
        const mark = document.createElement("i");
        mark.dataset.state = state;
        return mark;
      }));
      cell.append(lane);
    } else if (content.href) {
      const link = Page.cell("a", content.text);
      link.href = content.href;
      cell.append(link);
    } else {
      cell.textContent = content.text;
      cell.title = content.text;
      cell.className = "long";
    }
    return cell;
  }

  function makeButton({ text, act, key }) {
    const button = Page.cell("button", text);
    button.type = "button";
    if (key) button.dataset.key = key;
    button.addEventListener("click", act);
    return button;
  }

  const textOf = (content) => (typeof content === "object" ? content.text || "" : String(content));

  function fill(table) {
    const wanted = table.search.value.toLowerCase(), focus = document.activeElement?.dataset?.key;
    const rows = table.rows.filter((cells) => cells.map(textOf).join("\n").toLowerCase().includes(wanted));
    table.body.replaceChildren(...rows.map((cells) => {
      const row = document.createElement("tr");
      row.append(...cells.map(makeCell));
      return row;
    }));
    table.scroll.hidden = table.rows.length === 0;
    table.search.hidden = table.rows.length < 2;
    table.note.textContent = table.rows.length === 0 ? "none" : rows.length === table.rows.length ? ""
      : `${rows.length} of ${table.rows.length}`;
    if (focus) table.body.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  }

  // Shows the tables { title, heads, rows } in this order.
  function show(box, list) {
    for (const [title, table] of tables) {
      if (list.some((one) => one.title === title)) continue;
      table.section.remove();
      tables.delete(title);
    }
    for (const { title, heads, rows } of list) {
      if (!tables.has(title)) {
        tables.set(title, makeTable(title, heads));
        box.append(tables.get(title).section);
      }
      tables.get(title).rows = rows;
      fill(tables.get(title));
    }
  }

  return { show, makeButton };
})();
