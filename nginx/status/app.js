/*
 * One page at a time: the address after "#" picks it, it is asked anew as
 * often as it wishes, and what goes wrong is said here for all of them.
 */
import { Refusal, signedIn, signOut } from "./api.js";
import { clean, seconds } from "./dom.js";
import { itemPage } from "./item.js";
import { listPage } from "./list.js";
import { overviewPage } from "./overview.js";
import { problemPanel, signInPanel } from "./panels.js";

const ROUTES = [
	[/^\/?$/, overviewPage],
	[/^\/(sessions|batches)$/, listPage],
	[/^\/(sessions|batches)\/([^/]+)$/, itemPage],
];
const BACK_OFF_MS = [2000, 60000];	/* after the first error, at most */
const LATE_MS = 5000;	/* beyond its turn: then its age is shown */

const main = document.getElementById("main");
const note = document.getElementById("note");
const trouble = document.getElementById("trouble");
const age = document.getElementById("age");
const now = document.getElementById("now");
const out = document.getElementById("sign-out");

let page = null;	/* what the current page module made */
let gone = new AbortController();	/* aborted when one leaves the page */
let timer = 0, failures = 0, good = 0, due = 0;
let problem = "";	/* that stands in the page's place */
let still = true;	/* nothing is asked until somebody does something */

function say(text, kind) {
	if (note.textContent !== text)
		note.textContent = text;
	document.body.dataset.live = kind;
	now.hidden = kind !== "stale";
	out.hidden = !signedIn() || text === "Signed out";
}

/* A trouble that leaves what is shown as it is, but out of date. */
function warn(text) {
	trouble.hidden = !text;
	if (trouble.textContent !== text)
		trouble.textContent = text;
}

function showAge() {
	const late = good && !still && Date.now() > due + LATE_MS;
	const text = late || document.body.dataset.live === "stale" && good ?
		`as of ${seconds(Date.now() - good)} ago` : "";
	if (age.textContent !== text)
		age.textContent = text;
}

function panel(element, heading) {
	still = true;
	warn("");
	main.replaceChildren(element);
	document.title = `${heading} – livy-fcgi`;
	element.querySelector("h1, input")?.focus();
}

function fail(error) {
	if (error.status === 401) {
		say("Signed out", "out");
		return panel(signInPanel(signedIn(), open), "Sign in");
	}
	if (error.status === 403 || error.status === 404) {
		say("", "out");
		return panel(problemPanel(error), "Nothing to see");
	}
	failures++;
	say(good ? "Out of date" : "No data", "stale");
	if (good)
		warn(clean(error.message));
	else if (problem !== error.message)
		main.replaceChildren(problemPanel(error));
	problem = error.message;
	const wait = Math.min(BACK_OFF_MS[0] * 2 ** (failures - 1),
		BACK_OFF_MS[1]) * (0.75 + Math.random() / 2);
	again(Math.max(wait, error.retryMs || 0));
}

function again(ms) {
	clearTimeout(timer);
	due = Date.now() + ms;
	if (!document.hidden)
		timer = setTimeout(turn, ms);
}

async function turn() {
	const { signal } = gone;
	clearTimeout(timer);
	due = Date.now();
	try {
		const wait = await page.refresh(signal);
		if (signal.aborted)
			return;
		if (!page.element.isConnected)
			main.replaceChildren(page.element);
		failures = 0;
		good = Date.now();
		warn("");
		say("Live", "live");
		again(wait);
	} catch (error) {
		if (signal.aborted)
			return;
		if (!(error instanceof Refusal))
			console.error(error);
		fail(error);
	}
	showAge();
}

/* Opens what the address names. */
function open() {
	const [path, query = ""] = location.hash.slice(1).split("?", 2);
	gone.abort();
	gone = new AbortController();
	failures = good = 0;
	problem = "";
	still = false;
	warn("");
	for (const [pattern, make] of ROUTES) {
		const match = pattern.exec(path);
		if (!match)
			continue;
		page = make(match.slice(1).map(decode), new URLSearchParams(query),
			turn);
		document.title = `${page.title} – livy-fcgi`;
		main.replaceChildren(page.element);
		mark("#/" + (match[1] ?? ""));
		say("Loading…", "loading");
		return turn();
	}
	mark("");
	fail(new Refusal(404, "There is no such page."));
}

function decode(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

function mark(current) {
	for (const link of document.querySelectorAll("nav a"))
		if (link.getAttribute("href") === current)
			link.setAttribute("aria-current", "page");
		else
			link.removeAttribute("aria-current");
}

addEventListener("hashchange", () => {
	open();
	main.focus();
	scrollTo(0, 0);
});
document.addEventListener("visibilitychange", () => {
	clearTimeout(timer);
	if (!document.hidden && !still)
		turn();
});
addEventListener("online", () => still || turn());
now.addEventListener("click", turn);
out.addEventListener("click", () => {
	signOut();
	open();
});
document.getElementById("skip").addEventListener("click", (event) => {
	event.preventDefault();
	main.focus();
});
setInterval(showAge, 1000);
open();
