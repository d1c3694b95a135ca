/* Is the gateway well, what is there, and what does not get on. */
import { Refusal, ask } from "./api.js";
import { badge, clean, count, duration, h, seconds, theirs, update }
	from "./dom.js";
import { KINDS, STATES, story } from "./views.js";

const EVERY_MS = 5000;
const SLOW_MS = 60000;		/* a start that takes longer is worth a look */

/* /readyz answers 503 with its reason; that is no trouble of this page. */
async function ready(signal) {
	try {
		await ask("readyz", { signal, text: true });
		return [true, "Ready", "Watch and credential are good."];
	} catch (error) {
		if (!(error instanceof Refusal) || error.status !== 503 ||
			error.message.startsWith("503"))
			throw error;
		return [false, "Not ready", error.message];
	}
}

function health([well, word, why], version, watch) {
	const age = watch && watch.ageMs >= 0 ? "It last heard of the cluster " +
		(watch.ageMs < 1000 ? "less than a second" :
			duration(watch.ageMs)) + " ago." : "";
	const missing = watch && watch.dropped ?
		` ${count(watch.dropped, "application")} had no room in its memory.` :
		"";
	return h("section", { class: "card health", "data-well": String(well) },
		h("h2", {}, "Gateway"),
		h("p", { class: "big" }, word),
		h("p", { class: "faint" }, clean(why), " ", age, missing),
		h("p", { class: "faint" }, "livy-fcgi ",
			theirs(version.branch.replace(/^v/, "")),
			", speaks Livy ", theirs(version.version)));
}

function counts(kind, { total, states }) {
	const rows = STATES.filter(([state]) => states[state]).map(([state]) =>
		h("li", {}, h("a", { href: `#/${kind}?state=${state}` },
			badge(state), h("b", {}, states[state].toLocaleString("en")))));
	return h("section", { class: "card" },
		h("h2", {}, KINDS[kind].title),
		h("p", { class: "big" }, h("a", { href: `#/${kind}` },
			total.toLocaleString("en"))),
		rows.length ? h("ul", { class: "counts" }, rows) :
			h("p", { class: "faint" }, "None yet."));
}

function oneRow({ kind, slow, age, view }) {
	const lines = story(view);
	const one = h("a", { href: `#/${kind}/${view.id}` },
		`${KINDS[kind].One} ${view.id}`);
	return h("li", { class: slow ? "slow" : "" },
		h("div", { class: "who" }, one,
			view.name !== null && theirs(view.name),
			badge(view.state),
			view.owner !== null && h("span", { class: "faint" }, "of ",
				theirs(view.owner)),
			age && h("span", { class: "faint" }, age)),
		h("p", { class: "why" }, lines.length ?
			theirs(lines.join("\n")) : "No reason is known."));
}

/* words: what stands before and after an age. since 0: it is not known. */
function rows(place, list, now, words, none) {
	const data = list.map(({ kind, since, view }) => {
		const ms = since ? now - since : 0;
		return { kind: kind === "batch" ? "batches" : "sessions", view,
			slow: words[0] !== "" && ms > SLOW_MS,
			age: since ? words[0] + seconds(ms) + words[1] : "" };
	});
	update(place, data.length ? data.map((d) =>
		[`${d.kind}/${d.view.id}`, d, oneRow]) :
		[["none", none, (text) => h("li", { class: "faint" }, text)]]);
}

export function overviewPage() {
	const cards = h("div", { class: "cards" });
	const waiting = h("ul", { class: "reasons" });
	const failed = h("ul", { class: "reasons" });
	const lists = h("div", { hidden: true },
		h("h2", {}, "Not started yet"), waiting,
		h("h2", {}, "Failed lately"), failed);
	const element = h("div", {},
		h("h1", { class: "quiet" }, "Overview"), cards, lists);
	cards.append(h("p", { class: "faint" }, "Loading…"));
	let version = null;

	async function refresh(signal) {
		version ??= await ask("version", { signal });
		const well = await ready(signal);
		const all = well[0] ?
			await ask("status/api/v1/overview", { signal }) : null;
		update(cards, [
			["health", [well, version, all?.watch], (d) => health(...d)],
			...(all ? ["sessions", "batches"].map((kind) =>
				[kind, all[kind], (d) => counts(kind, d)]) : []),
		]);
		lists.hidden = !all;
		if (all) {
			rows(waiting, all.waiting, all.now, ["for ", ""],
				"Nothing waits.");
			rows(failed, all.failed, all.now, ["", " ago"],
				"Nothing failed.");
		}
		return EVERY_MS;
	}
	return { title: "Overview", element, refresh };
}
