// The lines of all sessions, by column, and which of them are asked for.

const COLUMNS = DATA.columns;
const LINES = DATA.owner.length;

const text = (name, line) => DATA.texts[COLUMNS[name][line]];
const rules = (line) => DATA.lists[COLUMNS.rules[line]].map((rule) => DATA.texts[rule]);

// The texts are far fewer than the lines: each is compared once, and then only numbers are.
function textsThat(holds) {
  const found = new Uint8Array(DATA.texts.length);
  DATA.texts.forEach((one, number) => { found[number] = holds(one) ? 1 : 0; });
  return found;
}

function among(found, ...names) {
  const columns = names.map((name) => COLUMNS[name]);
  return (line) => columns.some((column) => found[column[line]]);
}

const SEARCHED = ["session", "supervisor", "extension", "agent", "agent_extension", "mode", "verdict", "state", "reason",
  "code", "origin"];

function holdsWord(word) {
  const plain = word.toLowerCase();
  const found = textsThat((one) => one.toLowerCase().replaceAll("_", " ").includes(plain) || one.toLowerCase().includes(plain));
  const because = new Set(Object.keys(DATA.because).filter((rule) => DATA.because[rule].toLowerCase().includes(plain)));
  const lists = DATA.lists.map((list) => list.some((rule) => found[rule] || because.has(DATA.texts[rule])));
  const anywhere = among(found, ...SEARCHED);
  return (line) => anywhere(line) || lists[COLUMNS.rules[line]];
}

const includes = (word) => textsThat((one) => one.toLowerCase().includes(word.toLowerCase()));
const isText = (name, wanted) => among(textsThat((one) => one === wanted), name);
const isListened = (line) => text("mode", line) !== "";

const KINDS = new Map(DATA.kinds.map(([key, name], number) => [key, { number, name }]));
const isKind = (line, number) => (DATA.marks[DATA.owner[line]] >> number) & 1;
const supervisor = (line) => text("supervisor", line) || text("extension", line);
const agent = (line) => text("agent", line) || text("agent_extension", line);

const began = (line) => COLUMNS.listened_from[line] ?? COLUMNS.requested_at[line];

// One test for each thing that can be asked for; a line is found that passes all.
const TESTS = {
  show: (kind) => (line) => isKind(line, KINDS.get(kind)?.number ?? 0),
  rule: (rule) => {
    const lists = DATA.lists.map((list) => list.some((one) => DATA.texts[one] === rule));
    return (line) => lists[COLUMNS.rules[line]];
  },
  reason: (reason) => isText("reason", reason),
  state: (state) => isText("state", state),
  mode: (mode) => isText("mode", mode),
  move: (row) => (line) => (DATA.taken[DATA.owner[line]] >> Number(row)) & 1,
  by: (one) => (line) => supervisor(line) === one,
  of: (one) => (line) => agent(line) === one,
  from_s: (seconds) => (line) => COLUMNS.open_s[line] !== null && COLUMNS.open_s[line] >= Number(seconds),
  below_s: (seconds) => (line) => COLUMNS.open_s[line] !== null && COLUMNS.open_s[line] < Number(seconds),
  supervisor: (word) => among(includes(word), "supervisor", "extension"),
  agent: (word) => among(includes(word), "agent", "agent_extension"),
  since: (time) => (line) => (COLUMNS.listened_until[line] ?? began(line) ?? Infinity) >= secondsOf(time),
  until: (time) => (line) => (began(line) ?? -Infinity) < secondsOf(time),
  text: (words) => {
    const tests = words.split(/\s+/).filter(Boolean).map(holdsWord);
    return (line) => tests.every((test) => test(line));
  },
};

const secondsOf = (time) => (DATA.calendar ? Date.parse(`${time}Z`) / 1000 : Number(time));

const ORDERS = {
  when: began,
  long: (line) => COLUMNS.open_s[line],
  supervisor,
  agent,
};

function find(query) {
  const tests = Object.entries(query).filter(([name, value]) => own(TESTS, name) && value !== "")
    .map(([name, value]) => TESTS[name](value));
  const found = [];
  for (let line = 0; line < LINES; line++) if (tests.every((test) => test(line))) found.push(line);
  return ordered(found, query.sort ?? "");
}

// What is not known comes last in either direction.
function ordered(found, sort) {
  const down = sort.startsWith("-");
  const key = own(ORDERS, down ? sort.slice(1) : sort);
  if (!key) return found;
  const keys = new Map(found.map((line) => [line, key(line)]));
  return found.sort((one, other) => {
    const [left, right] = [keys.get(one), keys.get(other)];
    if (left === null || right === null) return (left === null) - (right === null);
    return (left < right ? -1 : left > right ? 1 : 0) * (down ? -1 : 1);
  });
}
