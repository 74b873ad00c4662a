// The list of sessions: what is searched for, and a page of what was found; never more rows than PAGE_ROWS.

const PAGE_ROWS = 25;
const HEADS = [["supervisor", "supervisor"], ["agent", "agent"], ["from", "when"], ["how long", "long"], ["mode", ""],
  ["certainty", ""], ["end", ""], ["by which rule", ""]];
const SAID = {
  show: (kind) => KINDS.get(kind)?.name ?? "sessions",
  rule: (rule) => `rule ${rule}`,
  reason: (reason) => `end: ${spaced(reason)}`,
  state: (state) => `state ${state}`,
  mode: (mode) => `mode ${spaced(mode)}`,
  move: (row) => (DATA.table[row] ? `${DATA.table[row][0] ?? "new"} ${DATA.table[row][1]}` : `move ${row}`),
  by: (one) => `supervisor ${one}`,
  of: (one) => `agent ${one}`,
  from_s: (seconds) => `${duration(Number(seconds))} or longer`,
  below_s: (seconds) => `below ${duration(Number(seconds))}`,
};
const TIME = DATA.calendar ? ["UTC", "datetime-local"] : ["s", "number"];
const FIELDS = [["text", "search", "search"], ["supervisor", "supervisor", "search"], ["agent", "agent", "search"],
  ["since", `since (${TIME[0]})`, TIME[1]], ["until", `until (${TIME[0]})`, TIME[1]]];

const list = document.getElementById("sessions");
let parts = null;

function makeList() {
  const inputs = Object.fromEntries(FIELDS.map(([name, , type]) =>
    [name, element("input", { type, name, step: type === "search" ? null : "any", autocomplete: "off", spellcheck: "false",
      oninput: searchSoon })]));
  const form = element("form", { role: "search", "aria-label": "sessions" },
    ...FIELDS.map(([name, label]) => element("label", {}, label, inputs[name])));
  parts = {
    inputs,
    found: element("p", { class: "found", role: "status" }),
    asked: element("ul", { class: "asked", "aria-label": "shown are only" }),
    rows: element("tbody"),
    heads: HEADS.map(([label, key]) => element("th", { scope: "col" },
      key ? element("button", { type: "button", onclick: () => sortBy(key) }, label) : label)),
    pages: element("nav", { class: "pages", "aria-label": "pages" }),
  };
  list.append(element("h2", { id: "sessions-title", tabindex: "-1" }, "Sessions"), form, parts.asked, parts.found,
    element("table", { class: "list", "aria-labelledby": "sessions-title" },
      element("thead", {}, element("tr", {}, ...parts.heads)), parts.rows), parts.pages);
}

let waiting = 0;
function searchSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(search, 150);
}

function search() {
  const query = { ...asked(), page: "", session: "" };
  for (const [name] of FIELDS) query[name] = parts.inputs[name].value;
  history.replaceState(null, "", address(query) === "#" ? "#show=all" : address(query));
  showList();
  showSession();
}

function sortBy(key) {
  const { sort } = asked();
  location.hash = address({ ...asked(), page: "", session: "", sort: sort === key ? `-${key}` : key });
}

// What was found last, so that a step to another session or page does not look through all again.
const last = { asked: "", found: [] };

function foundNow() {
  const { page, session, ...wanted } = asked();
  if (last.asked !== address(wanted)) Object.assign(last, { asked: address(wanted), found: find(wanted) });
  return last.found;
}

function showList() {
  const query = asked();
  for (const [name] of FIELDS) {
    const input = parts.inputs[name];
    if (input.value !== (query[name] ?? "") && document.activeElement !== input) input.value = query[name] ?? "";
  }
  const found = foundNow();
  const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
  const page = Math.min(pages - 1, Math.max(0, Math.floor(Number(query.page)) || 0));
  const sessions = new Set(found.map((line) => DATA.owner[line])).size;
  const more = found.length === sessions ? "" : `, ${number(found.length)} lines: one for each listener, agent and mode`;
  parts.found.textContent = `${number(sessions)} ${sessions === 1 ? "session" : "sessions"}${more}`;
  parts.found.dataset.count = sessions;
  showAsked(query);
  parts.heads.forEach((head, index) => {
    const key = HEADS[index][1];
    if (key && query.sort === key) head.setAttribute("aria-sort", "ascending");
    else if (key && query.sort === `-${key}`) head.setAttribute("aria-sort", "descending");
    else head.removeAttribute("aria-sort");
  });
  parts.rows.replaceChildren(...found.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS).map((line) => row(line, query)));
  showPages(query, page, pages - 1, found.length);
}

function showAsked(query) {
  const without = (name) => address({ show: "all", ...query, [name]: name === "show" ? "all" : "", page: "", session: "" });
  const names = Object.keys(SAID).filter((name) => query[name] && !(name === "show" && query[name] === "all"));
  parts.asked.replaceChildren(...names.map((name) => element("li", {}, element("a",
    { href: without(name), "aria-label": `not only: ${SAID[name](query[name])}` }, `${SAID[name](query[name])} ×`))));
}

function row(line, query) {
  const session = text("session", line);
  const cells = [
    element("a", { href: address({ ...query, session }), "aria-label": `${session}: its steps` },
      party(text("supervisor", line), text("extension", line))),
    party(text("agent", line), text("agent_extension", line)),
    moment(began(line)),
    isListened(line) ? length(line) : "did not listen",
    isListened(line) ? spaced(text("mode", line)) : "",
    certainty(line),
    end(line),
    why(line),
  ];
  const isShown = query.session === session ? "true" : null;
  return element("tr", { "aria-current": isShown, "data-session": session }, ...cells.map((cell, index) =>
    element("td", { "data-label": HEADS[index][0], class: HEADS[index][0].replaceAll(" ", "-") }, cell)));
}

function length(line) {
  const [open, media] = [COLUMNS.open_s[line], COLUMNS.media_s[line]];
  if (open === null && text("end_certainty", line) === "") return "still listening";
  const paused = open !== null && media !== null && open - media > 0.05;
  return paused ? element("span", {}, duration(open), element("small", {}, `${duration(media)} heard`)) : duration(open);
}

function certainty(line) {
  const [start, ended] = [text("start_certainty", line), text("end_certainty", line)];
  if (!isListened(line)) return "";
  return start === ended || !ended ? start : `${start}, end ${ended}`;
}

function why(line) {
  const said = text("origin", line) === "observed" ? `nobody asked; ${text("verdict", line)}` : text("verdict", line);
  return element("span", {}, rules(line).join(", ") || "no rule", element("small", {}, said));
}

const end = (line) => spaced(text("reason", line)) || text("state", line).toLowerCase();

function showPages(query, page, final, count) {
  const turn = (label, to, is) => element("button", { type: "button", disabled: is,
    onclick: () => { location.hash = address({ ...query, page: to ? String(to) : "", session: "" }); } }, label);
  const first = page * PAGE_ROWS;
  const shownRows = count ? `${number(first + 1)} to ${number(Math.min(count, first + PAGE_ROWS))} of ${number(count)}` : "";
  parts.pages.replaceChildren(...(final ? [turn("First", 0, page === 0), turn("Previous", page - 1, page === 0), shownRows,
    turn("Next", page + 1, page === final), turn("Last", final, page === final)] : [shownRows]));
}
