/* One session or batch: its fields, why it does not start, what it did. */
import { Refusal, ask } from "./api.js";
import { badge, clean, h, theirs, update, webLink } from "./dom.js";
import { logView } from "./log.js";
import { confirmed } from "./panels.js";
import { statementsView } from "./statements.js";
import { KINDS, isBad, isOver, isStarting, story } from "./views.js";

/* until the next look: while it starts or works, idle, over */
const EVERY_MS = { starting: 1500, working: 1500, idle: 4000, over: 20000 };

/* Fields of a view in their order; all others of a session come after. */
const FIRST = [
	["kind", "Kind"], ["name", "Name"], ["owner", "Owner"],
	["proxyUser", "Runs as"], ["appId", "Application"],
];
const ELSEWHERE = ["id", "state", "log", "appInfo",
	...FIRST.map(([key]) => key)];

const ACTIONS = {
	stop: { verb: "Stop", path: "/stop", method: "POST", only: "sessions",
		question: "Stop session {id}?", unless: isOver,
		consequence: "Its driver ends and its variables are lost. Its log " +
			"stays until the time of retention is over." },
	delete: { verb: "Delete", path: "", method: "DELETE",
		question: "Delete {one} {id}?",
		consequence: "What runs is ended, and its log is gone too." },
};

function isThere(value) {
	return value !== null && value !== undefined && value !== "" &&
		value !== 0 && !(typeof value === "object" &&
		Object.keys(value).length === 0);
}

function valueOf(value) {
	if (Array.isArray(value))
		return h("ul", {}, value.map((v) => h("li", {}, theirs(v))));
	if (typeof value === "object" && !value.source)
		return h("ul", {}, Object.entries(value).map(([key, v]) =>
			h("li", {}, theirs(key), " = ", theirs(v))));
	return theirs(value);
}

/* driverMemory -> Driver memory */
function label(key) {
	const words = key.replace(/InSecond$/, " in seconds")
		.replace(/[A-Z]/g, (c) => " " + c.toLowerCase());
	return words[0].toUpperCase() + words.slice(1);
}

/* Executors are "executor-1#https://…;executor-2#…". */
function links(info) {
	const executors = (info?.executorLogUrls || "").split(";")
		.filter(Boolean).map((text) => text.split(/#(.*)/s).slice(0, 2));
	return [["Spark UI", info?.sparkUiUrl],
		["Driver log", info?.driverLogUrl], ...executors]
		.filter(([, url]) => url)
		.map(([text, url]) => webLink(url, clean(text)));
}

function fields(view) {
	const rows = FIRST.filter(([key]) => isThere(view[key]))
		.map(([key, title]) => [title, valueOf(view[key])]);
	const found = links(view.appInfo);
	if (found.length)
		rows.push(["Elsewhere", h("span", { class: "links" }, found)]);
	for (const [key, value] of Object.entries(view))
		if (!ELSEWHERE.includes(key) && isThere(value))
			rows.push([label(key), valueOf(value)]);
	return h("dl", {}, rows.map(([title, value]) =>
		h("div", { "data-field": title },
			h("dt", {}, title), h("dd", {}, value))));
}

/* The start story while it starts, the reason when it failed. */
function reasonBox({ state, lines }) {
	return h("section", { class: isBad(state) ? "story bad" : "story" },
		h("h2", {}, isBad(state) ? "Why it ended" : "What it waits for"),
		h("ol", {}, lines.map((line) => h("li", {}, theirs(line)))));
}

export function itemPage([kind, id], _, again) {
	const { one, One } = KINDS[kind];
	const path = `${kind}/${encodeURIComponent(id)}`;
	const head = h("div"), facts = h("div"), why = h("div"),
		trouble = h("p", { class: "said", role: "alert", hidden: true });
	const log = logView(path, `Log of ${one} ${id}`);
	const statements = kind === "sessions" ? statementsView(path, again) : null;
	const element = h("div", {},
		h("p", { class: "up" }, h("a", { href: `#/${kind}` },
			"← " + KINDS[kind].title)),
		head, trouble, why, facts, statements?.element ?? null, log.element);
	let ended = false;	/* and all of it was read */

	async function act(action, view) {
		const fill = (text) => text.replace("{id}", view.id)
			.replace("{one}", one);
		if (!await confirmed(fill(action.question), action.consequence,
			action.verb))
			return;
		try {
			await ask(path + action.path, { method: action.method });
		} catch (error) {
			return tell(error);
		}
		if (action.path)
			again();
		else
			location.hash = `#/${kind}`;
	}

	function tell(error) {
		trouble.hidden = !error;
		trouble.textContent = error ? clean(error.message) : "";
	}

	function heading(view) {
		return h("div", { class: "bar" },
			h("h1", { tabindex: -1 }, `${One} ${view.id} `,
				badge(view.state)),
			h("div", { class: "actions" }, Object.values(ACTIONS)
				.filter((a) => (!a.only || a.only === kind) &&
					!a.unless?.(view.state))
				.map((a) => h("button", { onclick: () => act(a, view) },
					a.verb))));
	}

	function show(view) {
		const lines = story(view);
		update(head, [["head", { id: view.id, state: view.state }, heading]]);
		update(facts, [["facts", { ...view, log: 0, state: 0 }, fields]]);
		update(why, lines.length && (isStarting(view.state) ||
			isBad(view.state)) ?
			[["why", { state: view.state, lines }, reasonBox]] : []);
	}

	/* No right to a part is said in its place, not instead of the page. */
	async function part(view, signal) {
		try {
			return await view.refresh(signal);
		} catch (error) {
			if (!(error instanceof Refusal) ||
				![400, 403, 500].includes(error.status))
				throw error;
			update(view.element, [["no", error.status, () => h("p",
				{ class: "faint" }, error.status === 403 ?
					"Its statements and its log are not yours to see." :
					clean(error.message))]]);
			return false;
		}
	}

	async function refresh(signal) {
		const view = await ask(path, { signal });
		show(view);
		const over = isOver(view.state);
		if (over && ended)
			return EVERY_MS.over;
		const undone = statements && await part(statements, signal);
		await part(log, signal);
		ended = over;
		if (over)
			return EVERY_MS.over;
		if (isStarting(view.state))
			return EVERY_MS.starting;
		return view.state === "idle" && !undone ? EVERY_MS.idle :
			EVERY_MS.working;
	}

	return { title: `${One} ${id}`, element, refresh };
}
