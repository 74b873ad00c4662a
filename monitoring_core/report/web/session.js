// One session: who did what, its lanes, and each of its steps with what the rules said and by which facts.

const STEPS_SHOWN = 50;

const shownSession = document.getElementById("session");
const unpacked = { block: -1, sessions: [] };
let BLOCKS = null;

// The steps lie in packed blocks; one is unpacked at a time.
async function sessionOf(number) {
  const block = Math.floor(number / DATA.block_sessions);
  if (unpacked.block !== block) {
    BLOCKS ??= document.getElementById("steps").textContent.trim().split("\n");
    const bytes = Uint8Array.from(atob(BLOCKS[block]), (letter) => letter.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const sessions = await new Response(plain).json();
    Object.assign(unpacked, { block, sessions });
    return sessions[number % DATA.block_sessions];
  }
  return unpacked.sessions[number % DATA.block_sessions];
}

let current = "";
let drawn = null;

async function showSession() {
  const query = asked();
  if (query.session && query.session === current) return;
  current = query.session ?? "";
  drawn = null;
  if (!current) {
    shownSession.replaceChildren();
    return;
  }
  const line = COLUMNS.session.indexOf(DATA.texts.indexOf(current));
  if (line < 0) {
    shownSession.replaceChildren(heading("There is no such session in this log"));
    return;
  }
  const told = await sessionOf(DATA.owner[line]);
  if (asked().session !== current) return;
  const lanes = element("div", { class: "picture", id: "lanes-picture" });
  shownSession.replaceChildren(ways(query), heading(`Session ${current}`), ...summary(DATA.owner[line], line), lanes, legend(told),
    element("h3", {}, "Its steps"), ...stepsOf(told.steps));
  drawn = { told, row: line };
  drawLanes(lanes, drawn);
  shownSession.scrollIntoView();
  document.getElementById("session-title").focus({ preventScroll: true });
}

const heading = (title) => element("h2", { id: "session-title", tabindex: "-1" }, title);

// Back to the list, and to the session before and after this one in what was found.
function ways(query) {
  const sessions = [...new Set(foundNow().map((line) => text("session", line)))];
  const place = sessions.indexOf(current);
  const to = (session, label) => (session === undefined ? null : element("a", { href: address({ ...query, session }) }, label));
  return element("nav", { class: "ways", "aria-label": "sessions" },
    to(place > 0 ? sessions[place - 1] : undefined, "Previous"), to(place < 0 ? undefined : sessions[place + 1], "Next"),
    element("a", { href: backOf(query) }, "Back to the list"));
}

const backOf = (query) => address({ show: "all", ...query, session: "" });

// What a compliance officer asks first, in sentences: one for each who listened, then why it was so, then how it ended.
function summary(number, first) {
  const said = [];
  for (let line = first; line < LINES && DATA.owner[line] === number; line++) {
    if (isListened(line)) said.push(listening(line));
  }
  const [who, whom] = [party(text("supervisor", first), text("extension", first)), party(text("agent", first), text("agent_extension", first))];
  if (!said.length) said.push(`${who} asked to listen to ${whom} (${spaced(text("asked_mode", first))}). Nobody listened.`);
  const rule = rules(first).join(", ") || "no rule";
  said.push(text("origin", first) === "observed" ? `Nobody had asked for it; by the rules it was ${text("verdict", first)} (${rule}).`
    : `The request was ${text("verdict", first) === "permit" ? "permitted" : "refused"} (${rule}).`);
  const [start, ended] = [text("start_certainty", first), text("end_certainty", first)];
  if (start) said.push(`Start ${start}${ended ? `, end ${ended}` : ""}.`);
  if (isKind(first, KINDS.get("alarm").number)) said.push("It was against the rules: its steps say what.");
  const code = text("code", first);
  said.push(`${text("state", first)}${end(first) === text("state", first).toLowerCase() ? "" : `: ${end(first)}`}.`);
  return [...said.map((one) => element("p", { class: "said" }, one)), ...(code ? coded(code) : [])];
}

function listening(line) {
  const [who, whom] = [party(text("supervisor", line), text("extension", line)), party(text("agent", line), text("agent_extension", line))];
  const open = COLUMNS.open_s[line];
  const long = open === null ? "" : ` for ${duration(open)}`;
  return `${who} listened to ${whom}${long}, ${spaced(text("mode", line))}, from ${moment(COLUMNS.listened_from[line])}.`;
}

const coded = (code) => (own(DATA.codes, code) ?? [`code ${code}`]).map((one) => element("p", { class: "because" }, one));

function legend(told) {
  const silent = DATA.silences.length ? [["silence", `the switch told nothing for ${duration(DATA.gap_s)} or longer`]] : [];
  const states = new Set(told.lanes.flatMap((lane) => (lane.role === "supervisor" ? [] : lane.spans.map(([, , state]) => state))));
  const items = [["active", "listening"], ["requested", "asked for"], ...[...states].map((state) => [state, spaced(state)])];
  const key = (kind) => {
    const picture = d3.create("svg").attr("viewBox", "0 0 20 12").attr("aria-hidden", "true");
    picture.append("rect").attr("class", kind === "silence" ? kind : `span ${kind}`).attr("width", 20).attr("height", 12);
    return picture.node();
  };
  return element("ul", { class: "legend" }, ...[...items, ...silent].map(([kind, said]) => element("li", {}, key(kind), said)),
    element("li", {}, "nothing drawn: nothing is known"));
}

// The first steps, and a way to more: a session may have thousands.
function stepsOf(steps) {
  const made = element("ol", { class: "steps" });
  const more = element("button", { type: "button", onclick: () => grow() });
  let count = 0;
  const grow = () => {
    const until = Math.min(steps.length, count + STEPS_SHOWN);
    made.append(...steps.slice(count, until).map(step));
    count = until;
    more.textContent = `more steps (${number(steps.length - count)})`;
    more.hidden = count === steps.length;
  };
  grow();
  return [made, more];
}

function step(one) {
  const event = spaced(one.event.event ?? "event");
  const commands = one.commands ?? [];
  return element("li", {},
    element("h4", {}, `${event} `, element("span", { class: "when" }, `position ${number(one.position)}, ${moment(one.at)}`)),
    ...(one.moves ?? []).map(move),
    ...(one.verdict ? verdict(one) : []),
    ...commands.map((command) => element("p", {}, `to be sent: ${spaced(command.command)}`)),
    ...(one.notices ?? []).map((notice) => element("p", {}, `notice: ${spaced(notice.kind)}${notice.text ? `: ${notice.text}` : ""}`)),
    folded("The event", element("pre", {}, JSON.stringify(one.event, null, 1))),
    commands.length ? folded("What was to be sent", element("pre", {}, JSON.stringify(commands, null, 1))) : null);
}

const folded = (title, ...inside) => element("details", {}, element("summary", {}, title), ...inside);

function move(one) {
  const why = [one.reason, one.certainty, one.code, one.text].filter(Boolean).map(spaced).join(", ");
  return element("p", {}, element("span", { class: "badge" }, `${one.before ?? "new"} → ${one.after}`), ` ${one.trigger}${why ? `: ${why}` : ""}`);
}

function verdict(one) {
  const said = one.verdict;
  const hits = (said.hits ?? []).map((hit) => element("li", {}, element("strong", {}, `${hit.effect} ${hit.rule}`),
    `: ${hit.because}${hit.undecided ? " (as something is not known)" : ""}`, facts(hit.facts ?? {})));
  const misses = (said.misses ?? []).map((miss) => element("li", {}, element("strong", {}, `no permit by ${miss.rule}`),
    `: ${miss.because}`, ...(miss.tests ?? []).map((test) => element("div", { class: "because" },
      `${test.fact} is ${shown(test.seen)}, and should be: ${test.test}${test.other === undefined ? "" : ` (${shown(test.other)})`}`))));
  const reasons = hits.length || misses.length ? hits.concat(misses) : [element("li", {}, "no rule says anything of it, and so none permits it")];
  const when = one.event.event === "monitor_requested" ? "All facts that the rules could read" : "All facts, as they were after this step";
  return [
    element("p", { class: "verdict" }, `Verdict: ${one.word}${said.call ? `, on call ${said.call}` : ""}, by rule book ${said.book.slice(0, 12)}`),
    element("ul", { class: "rules" }, ...reasons),
    said.missing?.length ? element("p", {}, `Not known: ${said.missing.join(", ")}`) : null,
    said.duties?.length ? element("p", {}, `Duties: ${said.duties.join(", ")}`) : null,
    one.facts ? folded(when, facts(one.facts)) : null,
  ].filter(Boolean);
}

const facts = (known) => element("dl", { class: "facts" },
  ...Object.entries(known).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, shown(value))]));
