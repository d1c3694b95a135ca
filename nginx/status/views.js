/* What the pages know of Livy's views and states. */

export const KINDS = {
	sessions: { one: "session", title: "Sessions", One: "Session" },
	batches: { one: "batch", title: "Batches", One: "Batch" },
};

/* In the order of their lives; the second word groups them by meaning. */
export const STATES = [
	["not_started", "wait"], ["starting", "wait"], ["recovering", "wait"],
	["idle", "well"], ["running", "busy"], ["busy", "busy"],
	["shutting_down", "wait"], ["error", "bad"], ["dead", "bad"],
	["killed", "bad"], ["success", "well"],
];
const MEANING = new Map(STATES);

export const isStarting = (state) =>
	["not_started", "starting", "recovering"].includes(state);
export const isOver = (state) =>
	MEANING.get(state) === "bad" && state !== "error" || state === "success";
export const isBad = (state) => MEANING.get(state) === "bad";

const MARKS = ["stdout: ", "\nstderr: ", "\nKubernetes Diagnostics: "];

export function isMark(line) {
	return MARKS.includes(line);
}

/*
 * The lines of a view's log that say where the application is and why. A view
 * has the last ten lines of the log: without a marker among them, they are
 * the driver's if it runs, and else all of the story that there is room for.
 */
export function story({ log, state }) {
	const at = Math.max(log.lastIndexOf(MARKS[1]), log.lastIndexOf(MARKS[2]));
	if (at < 0 && (log[0] === MARKS[0] || !isStarting(state) && !isBad(state)))
		return [];
	return log.slice(at + 1);
}

export function itemLink(kind, view) {
	return `#/${kind}/${view.id}`;
}
