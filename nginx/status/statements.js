/*
 * A session's statements, the last ones first read. Only what is new or not
 * yet done is asked for again: outputs can be large.
 */
import { ask } from "./api.js";
import { badge, duration, h, update } from "./dom.js";
import { longText, outputView } from "./output.js";
import { confirmed } from "./panels.js";

const FIRST = 20;	/* at the beginning, and older ones each time */
const UNDONE_MAX = 3;	/* one runs, the rest wait */

const isDone = (s) => s.state === "available" || s.state === "cancelled";

function times(s, now) {
	if (!s.started)
		return "";
	const begun = new Date(s.started).toLocaleTimeString("en-GB");
	const end = s.completed || now;
	return end > s.started ? `${begun}, ${duration(end - s.started)}` : begun;
}

export function statementsView(path, again) {
	let known = [], from = 0, total = 0;	/* from: of known[0] */
	const list = h("ol", { class: "statements" });
	const older = h("button", { hidden: true, onclick: () => more() },
		"Show older statements");
	const element = h("section", {}, h("h2", {}, "Statements"), older, list);

	async function cancel(s) {
		if (!await confirmed(`Cancel statement ${s.id}?`,
			"Its work is stopped; what it did until now is not undone.",
			"Cancel it"))
			return;
		await ask(`${path}/statements/${s.id}/cancel`, { method: "POST" });
		again();
	}

	function one({ s, now }) {
		const failed = s.output?.status === "error";
		return h("li", { class: failed ? "bad" : "" },
			h("div", { class: "who" },
				h("h3", {}, `Statement ${s.id}`),
				badge(failed ? "failed" : s.state),
				h("span", { class: "faint" }, times(s, now)),
				s.state === "running" && h("progress", { max: 1,
					value: s.progress, "aria-label": "Progress" }),
				!isDone(s) && s.state !== "cancelling" &&
					h("button", { onclick: () => cancel(s) }, "Cancel")),
			longText(s.code, "code"), outputView(s.output, s.id));
	}

	function show() {
		older.hidden = from === 0;
		const now = Math.floor(Date.now() / 1000) * 1000;
		update(list, known.length ? known.map((s) =>
			[s.id, { s, now: isDone(s) ? 0 : now }, one]) :
			[["none", "No statements yet.", (text) =>
				h("li", { class: "faint" }, text)]]);
	}

	async function read(start, size, signal) {
		return ask(`${path}/statements?from=${start}&size=${size}`,
			{ signal });
	}

	async function restart(signal) {
		({ total_statements: total } = await read(0, 0, signal));
		from = Math.max(0, total - FIRST);
		({ statements: known } = await read(from, FIRST, signal));
	}

	async function more() {
		const start = Math.max(0, from - FIRST);
		const reply = await read(start, from - start);
		known.unshift(...reply.statements);
		from = start;
		show();
	}

	async function refreshUndone(signal) {
		const undone = known.filter((s) => !isDone(s)).slice(0, UNDONE_MAX);
		for (const s of undone) {
			const fresh = await ask(`${path}/statements/${s.id}`, { signal });
			known[known.indexOf(s)] = fresh;
		}
	}

	async function refresh(signal) {
		const reply = await read(from + known.length, FIRST, signal);
		if (!known.length || reply.total_statements < from + known.length) {
			await restart(signal);
		} else {
			total = reply.total_statements;
			await refreshUndone(signal);
			known.push(...reply.statements);
		}
		show();
		return known.some((s) => !isDone(s));
	}

	return { element, refresh };
}
