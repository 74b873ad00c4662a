// The swim lanes of one session: its states across, a lane for each party, and where the switch told nothing.

const ROW = 34;
const BAR = 16;
const LABEL_LETTERS = 30;
const LETTER = 6.6;
const LANES_SHOWN = 30;
const MARGIN_PART = 0.3;
const MARGIN_S = 2;
const MOMENT_MARGIN_S = 10;

function drawLanes(place, { told, row: line }) {
  place.replaceChildren();
  const states = statesOf(told.steps);
  if (!states.length) return;
  const narrow = place.clientWidth < 640;
  const row = narrow ? ROW + 16 : ROW;
  const shownLanes = told.lanes.slice(0, LANES_SHOWN);
  const [width, left, top] = [place.clientWidth, narrow ? 0 : 215, 14];
  const bottom = top + row * (shownLanes.length + 1);
  const picture = svg(place, width, bottom + 30, "who was in which state, over time");
  const [first, final] = windowOf(told, states);
  const across = d3.scaleLinear([first, final], [left, width - 1]).clamp(true);
  // What goes on is drawn up to where the log ends, as nothing is known after that.
  const end = Math.min(final, DATA.last ?? final);
  hatches(picture);
  silences(picture, across, top, bottom);
  states.filter((one) => one.state === "ACTIVE").forEach((one) =>
    picture.append("rect").attr("class", "band").attr("x", across(one.from)).attr("y", top).attr("height", bottom - top)
      .attr("width", Math.max(1, across(one.until ?? end) - across(one.from))));
  for (const { from } of states) {
    picture.append("line").attr("class", "moment").attr("x1", across(from)).attr("x2", across(from)).attr("y1", top).attr("y2", bottom);
  }
  const spans = states.filter((one) => one.state === "REQUESTED" || one.state === "ACTIVE")
    .map((one) => [one.from, one.until ?? end, one.state.toLowerCase(), one.state]);
  lane(picture, across, "session", top, row, narrow, spans);
  finished(picture, across, states.at(-1), line, top, row, narrow);
  shownLanes.forEach((one, index) => {
    const label = `${one.role} ${party(one.person, one.address)}`;
    const kind = (state) => (one.role === "supervisor" ? "active" : state);
    lane(picture, across, label, top + row * (index + 1), row, narrow,
      one.spans.filter(([from, until]) => from !== null && (until ?? end) >= first && from <= final)
        .map(([from, until, state]) => [from, until ?? end, kind(state), spaced(state)]));
  });
  axisOf(picture, across, first, bottom, width - left);
  if (told.lanes.length > LANES_SHOWN) place.append(element("p", {}, `and ${number(told.lanes.length - LANES_SHOWN)} more parties`));
}

// Never more marks than the picture has columns: what would lie where the one before it ends is left out.
function visible(across, spans) {
  let drawnTo = -Infinity;
  return spans.filter(([from, until]) => {
    const [start, stop] = [across(from), Math.max(across(from) + 1, across(until))];
    if (stop <= drawnTo + 1) return false;
    drawnTo = Math.max(stop, start + 1);
    return true;
  });
}

function silences(picture, across, top, bottom) {
  const [first, final] = across.domain();
  for (const [from, until] of visible(across, DATA.silences.filter(([from, until]) => until > first && from < final))) {
    picture.append("rect").attr("class", "silence").attr("x", across(from)).attr("width", Math.max(1, across(until) - across(from)))
      .attr("y", top).attr("height", bottom - top).append("title").text(`the switch told nothing for ${duration(until - from)}`);
  }
}

function lane(picture, across, label, y, row, narrow, spans) {
  const middle = y + row - BAR / 2 - 5;
  const [start, stop] = across.range();
  picture.append("line").attr("class", "base").attr("x1", start).attr("x2", stop).attr("y1", middle).attr("y2", middle);
  const named = picture.append("text").attr("class", "halo").attr("x", 0).attr("y", narrow ? y + 16 : middle + 4);
  named.text(label.length > LABEL_LETTERS && !narrow ? `${label.slice(0, LABEL_LETTERS - 1)}…` : label);
  named.append("title").text(label);
  for (const [from, until, kind, said] of visible(across, spans)) {
    const [x, wide] = [across(from), Math.max(2, across(until) - across(from))];
    const made = picture.append("g");
    made.append("rect").attr("class", `span ${kind}`).attr("x", x).attr("y", middle - BAR / 2).attr("width", wide).attr("height", BAR)
      .attr("rx", 2);
    made.append("title").text(`${said}: ${moment(from)} to ${moment(until)} (${duration(until - from)})`);
    if (wide > LETTER * said.length + 10) {
      made.append("text").attr("class", `on-${kind}`).attr("x", x + 5).attr("y", middle + 4).text(said);
    }
  }
}

// The state that it ended in, as a mark; the word beside it, or above it where there is no room beside.
function finished(picture, across, { state, from, until }, line, y, row, narrow) {
  if (until === null) return;
  const [x, middle, said] = [across(from), y + row - BAR / 2 - 5, `${state}, ${end(line)}`];
  picture.append("circle").attr("class", "finished").attr("cx", x).attr("cy", middle).attr("r", 5).append("title")
    .text(`${said}: ${moment(from)}`);
  const word = picture.append("text").text(said).attr("class", "halo");
  if (narrow) word.attr("x", across.range()[1]).attr("y", y + 16).attr("text-anchor", "end");
  else word.attr("x", x + 10).attr("y", middle + 4);
}

function axisOf(picture, across, first, bottom, width) {
  const start = d3.scaleLinear(across.domain().map((at) => at - first), across.range());
  const ticks = Math.max(2, Math.floor(width / 110));
  const axis = d3.axisBottom(start).ticks(ticks).tickFormat((at) => `${at.toLocaleString("en-US")} s`);
  picture.append("g").attr("class", "axis").attr("transform", `translate(0,${bottom})`).call(axis);
  const [, stop] = across.range();
  picture.select(".axis").selectAll(".tick text").attr("text-anchor", (at) => (at === 0 ? "start" : start(at) > stop - 20 ? "end" : "middle"));
}

// The states of the session, from its moves; a final one has no length.
function statesOf(steps) {
  const found = [];
  for (const step of steps) {
    for (const move of step.moves ?? []) {
      const at = move.at ?? step.at;
      if (at === null || at === undefined) continue;
      if (found.length) found.at(-1).until = at;
      found.push({ state: move.after, from: at, until: move.after === "ENDED" || move.after === "REJECTED" ? at : null });
    }
  }
  return found;
}

// The session in the middle, with a third of its length before and after it; of one refused, some seconds.
function windowOf(told, states) {
  const times = states.flatMap((one) => [one.from, one.until]).filter((at) => at !== null);
  const [first, final] = [d3.min(times), states.at(-1).until === null ? Math.max(d3.max(times), DATA.last ?? 0) : d3.max(times)];
  const margin = final > first ? Math.max(MARGIN_S, (final - first) * MARGIN_PART) : MOMENT_MARGIN_S;
  return [first - margin, final + margin];
}

function hatches(picture) {
  for (const name of ["hatch-silence", "hatch-held"]) {
    const pattern = picture.append("defs").append("pattern").attr("id", name).attr("width", 6).attr("height", 6)
      .attr("patternUnits", "userSpaceOnUse").attr("patternTransform", "rotate(45)");
    pattern.append("line").attr("class", name).attr("y2", 6).attr("stroke-width", name === "hatch-held" ? 5 : 1.5);
  }
}
