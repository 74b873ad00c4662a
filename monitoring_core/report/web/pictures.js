// The pictures of the overview, drawn by D3 from the numbers in the page; each leads where its number leads.

const svg = (place, width, height, label) => d3.select(place).append("svg").attr("viewBox", `0 0 ${width} ${height}`)
  .attr("height", height).attr("role", "group").attr("aria-label", label);

function bars() {
  for (const table of document.querySelectorAll("table.numbers")) {
    const cells = [...table.querySelectorAll("td.bar")];
    const width = d3.scaleLinear([0, d3.max(cells, (cell) => Number(cell.dataset.count)) || 1], [0, 100]);
    for (const cell of cells) {
      d3.select(cell).selectAll("svg").data([Number(cell.dataset.count)]).join("svg").attr("viewBox", "0 0 100 10")
        .attr("preserveAspectRatio", "none").attr("aria-hidden", "true").selectAll("rect").data((count) => [count]).join("rect")
        .attr("class", "fill").attr("width", width).attr("height", 10);
    }
  }
}

// Where the states stand, in a wide and in a narrow picture, and through which point each row of the table goes.
const PLACES = {
  wide: {
    width: 900, height: 330, box: [128, 46],
    states: { REQUESTED: [300, 165], ACTIVE: [560, 62], ENDED: [830, 62], REJECTED: [830, 268] }, start: [40, 165],
    through: { "new PERMIT": [135, 165], "new FORBID": [330, 312], "new STARTED": [270, 44], "REQUESTED STARTED": [430, 114],
      "REQUESTED FAILED": [630, 142], "REQUESTED UNSENT": [580, 178], "REQUESTED UNCONFIRMED": [545, 217],
      "REQUESTED FINISHED": [510, 256], "ACTIVE FINISHED": [695, 62] },
  },
  narrow: {
    width: 350, height: 560, box: [104, 44],
    states: { REQUESTED: [190, 140], ACTIVE: [62, 330], ENDED: [62, 500], REJECTED: [262, 500] }, start: [175, 26],
    through: { "new PERMIT": [188, 82], "new FORBID": [304, 170], "new STARTED": [46, 180], "REQUESTED STARTED": [104, 240],
      "REQUESTED FAILED": [192, 290], "REQUESTED UNSENT": [222, 325], "REQUESTED UNCONFIRMED": [252, 362],
      "REQUESTED FINISHED": [268, 402], "ACTIVE FINISHED": [62, 415] },
  },
};

function diagram() {
  const place = document.getElementById("diagram-picture");
  const layout = place.clientWidth < 640 ? PLACES.narrow : PLACES.wide;
  place.replaceChildren();
  const picture = svg(place, layout.width, layout.height, "the states of a session, by how many took each way");
  if (layout === PLACES.wide) picture.attr("height", Math.min(layout.height, layout.height * place.clientWidth / layout.width));
  const counts = DATA.table.map((_, row) => DATA.taken.reduce((sum, bits) => sum + ((bits >> row) & 1), 0));
  const thick = d3.scaleSymlog([0, d3.max(counts) || 1], [1, 6]);
  DATA.table.forEach(([before, trigger, after], row) => {
    const name = `${before ?? "new"} ${trigger}`;
    edge(picture, layout, before, layout.through[name], after, counts[row], thick(counts[row]));
  });
  DATA.table.forEach(([before, trigger], row) => {
    const [x, y] = layout.through[`${before ?? "new"} ${trigger}`];
    const label = picture.append("a").attr("href", `#move=${row}`)
      .attr("aria-label", `${number(counts[row])} by ${trigger} from ${before ?? "new"}`)
      .append("text").attr("class", "halo").attr("x", x).attr("y", y + 4).attr("text-anchor", "middle");
    label.text(`${trigger} ${number(counts[row])}`);
  });
  for (const state of DATA.states) node(picture, layout, state, counts);
  picture.append("g").attr("class", "node").append("circle").attr("cx", layout.start[0]).attr("cy", layout.start[1]).attr("r", 9);
}

function edge(picture, layout, before, through, after, count, thickness) {
  const [from, to] = [before ? layout.states[before] : layout.start, layout.states[after]];
  const half = before ? layout.box.map((side) => side / 2) : [9, 9];
  const first = borderOf(from, half, through);
  const last = borderOf(to, layout.box.map((side) => side / 2 + 7), through);
  const path = d3.path();
  path.moveTo(...first);
  // A curve that goes through the point: its control point lies twice as far from the middle.
  path.quadraticCurveTo(2 * through[0] - (first[0] + last[0]) / 2, 2 * through[1] - (first[1] + last[1]) / 2, ...last);
  const kind = count ? "" : " never";
  const drawn = picture.append("path").attr("class", `edge${kind}`).attr("d", path).attr("stroke-width", thickness);
  const [length, size] = [drawn.node().getTotalLength(), 6 + thickness];
  const near = drawn.node().getPointAtLength(Math.max(0, length - 4));
  const turn = Math.atan2(last[1] - near.y, last[0] - near.x) * 180 / Math.PI;
  picture.append("path").attr("class", `head${kind}`).attr("d", `M4,0 L${-size},${size / 2} L${-size},${-size / 2} Z`)
    .attr("transform", `translate(${last[0]},${last[1]}) rotate(${turn})`);
}

function borderOf([x, y], [width, height], [towardsX, towardsY]) {
  const [across, down] = [towardsX - x, towardsY - y];
  const scale = Math.min(across ? width / Math.abs(across) : Infinity, down ? height / Math.abs(down) : Infinity);
  return [x + across * scale, y + down * scale];
}

function node(picture, layout, state, counts) {
  const [[x, y], [width, height]] = [layout.states[state], layout.box];
  const entered = d3.sum(DATA.table, ([, , after], row) => (after === state ? counts[row] : 0));
  const now = STATES.get(state) ?? 0;
  const group = picture.append("g").attr("class", entered ? "node" : "node never");
  group.append("rect").attr("x", x - width / 2).attr("y", y - height / 2).attr("width", width).attr("height", height).attr("rx", 8);
  group.append("text").attr("class", "state").attr("x", x).attr("y", y - 3).attr("text-anchor", "middle").text(state);
  group.append("a").attr("href", `#state=${state}`).attr("aria-label", `${number(now)} at the end ${state}`)
    .append("text").attr("x", x).attr("y", y + 14).attr("text-anchor", "middle").text(`${number(now)} at the end`);
}

// How many sessions are in which state when the log ends.
const STATES = new Map();
{
  const seen = new Set();
  for (let line = 0; line < LINES; line++) {
    if (seen.has(DATA.owner[line])) continue;
    seen.add(DATA.owner[line]);
    STATES.set(text("state", line), (STATES.get(text("state", line)) ?? 0) + 1);
  }
}

function histogram() {
  const place = document.getElementById("durations-picture");
  if (!place) return;
  const bins = [...document.querySelectorAll("#durations tbody tr")].map((one) => ({
    name: one.querySelector("strong").textContent, link: one.querySelector("a").getAttribute("href"),
    count: Number(one.querySelector(".bar").dataset.count) }));
  const [width, height, below] = [place.clientWidth, 190, 28];
  place.replaceChildren();
  const picture = svg(place, width, height, "how long somebody listened, by length");
  const across = d3.scaleBand(bins.map((bin) => bin.name), [0, width]).padding(0.18);
  const up = d3.scaleLinear([0, d3.max(bins, (bin) => bin.count) || 1], [height - below, 22]);
  const links = picture.selectAll("a").data(bins).join("a").attr("href", (bin) => bin.link)
    .attr("aria-label", (bin) => `${number(bin.count)} ${bin.name}`);
  links.append("rect").attr("class", "fill").attr("x", (bin) => across(bin.name)).attr("width", across.bandwidth())
    .attr("y", (bin) => up(bin.count)).attr("height", (bin) => up(0) - up(bin.count));
  links.append("text").attr("x", (bin) => across(bin.name) + across.bandwidth() / 2).attr("y", (bin) => up(bin.count) - 6)
    .attr("text-anchor", "middle").text((bin) => number(bin.count));
  const axis = d3.axisBottom(across).tickSize(0).tickPadding(8)
    .tickFormat((name) => (width < 640 ? name.replace(" to ", "-").replace("below ", "<").replace(" or more", "+").replace(/ ?(s|min)/g, (_, unit) => unit[0]) : name));
  picture.append("g").attr("class", "axis").attr("transform", `translate(0,${up(0)})`).call(axis);
}
