/*
 * A log that is followed by line numbers. The driver's lines grow before the
 * marker of stderr, so each time it is read from a few lines before there;
 * if those are not what they were, lines were dropped and the last ones are
 * read anew.
 */
import { ask } from "./api.js";
import { clean, count, h } from "./dom.js";
import { isMark } from "./views.js";

const FIRST = 500;	/* lines at the beginning, and more each time */
const STEP = 1000;	/* lines of one answer */
const SHOWN_MAX = 5000;	/* lines kept here */
const OVERLAP = 3;
const LINE_MAX = 5000;	/* characters of one line, until it is opened */
const ROUNDS = 5;	/* answers at once, so that none is for ever */

function lineElement(text) {
	if (isMark(text))
		return h("div", { class: "mark" }, text.trim());
	const line = clean(text);
	if (line.length <= LINE_MAX)
		return h("div", {}, h("bdi", {}, line || "\u200b"));
	const rest = h("button", { class: "more", onclick: () =>
		element.replaceChildren(h("bdi", {}, line)) },
	`… ${count(line.length - LINE_MAX, "more character")}`);
	const element = h("div", {}, h("bdi", {}, line.slice(0, LINE_MAX)), rest);
	return element;
}

export function logView(path, label) {
	let lines = [], first = 0;	/* first: the number of lines[0] */
	const text = h("div", { class: "log", role: "log", tabindex: 0,
		"aria-live": "off", "aria-label": label });
	const older = h("button", { hidden: true, onclick: () => more() },
		"Show older lines");
	const where = h("span", { class: "faint" });
	const follow = h("input", { type: "checkbox", id: "follow",
		checked: true, onchange: () => toEnd() });
	const element = h("section", {},
		h("div", { class: "bar" }, h("h2", {}, "Log"),
			h("label", { class: "tick" }, follow, " Follow the end")),
		h("div", { class: "bar" }, older, where), text);

	text.addEventListener("scroll", () => {
		follow.checked = text.scrollTop + text.clientHeight >=
			text.scrollHeight - 30;
	});

	function toEnd() {
		if (follow.checked)
			text.scrollTop = text.scrollHeight;
	}

	/* Lines from number at on are these. */
	function put(at, fresh) {
		let same = at - first, i = 0;
		while (i < fresh.length && lines[same] === fresh[i]) {
			same++;
			i++;
		}
		lines.splice(same, Infinity, ...fresh.slice(i));
		while (text.children.length > same)
			text.lastChild.remove();
		text.append(...lines.slice(same).map(lineElement));
		const over = lines.length - SHOWN_MAX;
		if (over > 0) {
			lines.splice(0, over);
			first += over;
			for (let k = 0; k < over; k++)
				text.firstChild.remove();
		}
		tell();
		if (same < lines.length)
			toEnd();
	}

	function tell() {
		older.hidden = first === 0 || lines.length >= SHOWN_MAX;
		where.textContent = lines.length ? `Lines ${first + 1} to ` +
			`${first + lines.length}` : "No lines yet.";
	}

	async function read(from, size, signal) {
		return ask(`${path}/log?size=${size}` +
			(from === null ? "" : `&from=${from}`), { signal });
	}

	async function restart(signal) {
		const reply = await read(null, FIRST, signal);
		lines = [];
		first = reply.from;
		text.replaceChildren();
		put(first, reply.log);
	}

	async function more() {
		const from = Math.max(0, first - FIRST);
		const reply = await read(from, first - from);
		if (reply.from !== from || reply.log.length !== first - from)
			return;
		const height = text.scrollHeight;
		lines.unshift(...reply.log);
		text.prepend(...reply.log.map(lineElement));
		first = from;
		text.scrollTop += text.scrollHeight - height;
		tell();
	}

	/* Where to go on: before the stderr marker, which moves. */
	function settled() {
		const at = lines.lastIndexOf("\nstderr: ");
		return first + (at < 0 ? lines.length : at);
	}

	async function refresh(signal) {
		if (!lines.length)
			return restart(signal);
		for (let i = 0; i < ROUNDS; i++) {
			const end = settled();
			const from = Math.max(first, end - OVERLAP);
			const reply = await read(from, STEP, signal);
			const sure = reply.total >= end && reply.from === from &&
				lines.slice(from - first, end - first).every((line, k) =>
					line === reply.log[k]);
			if (!sure || reply.total - end > SHOWN_MAX)
				return restart(signal);
			put(from, reply.log);
			if (from + reply.log.length >= reply.total)
				return undefined;
		}
		return undefined;
	}

	return { element, refresh };
}
