import {call, Refused, signIn} from "./upload-calls.js";
import {clock, draw, open, seek, Trim} from "./upload-clip.js";
import {alone, remember, remembered, sumOf} from "./upload-memory.js";
import {Sending} from "./upload-send.js";
import {megabytes, one, Told} from "./upload-told.js";

// The upload page, step by step: a file is looked at, and sent while its title is written.

const form = one("[data-upload]", HTMLFormElement);
const input = one("#file", HTMLInputElement);
const title = one("#title", HTMLInputElement);
const description = one("#description", HTMLTextAreaElement);
const notice = one("[data-notice]", HTMLElement);
const checks = one("[data-checks]", HTMLElement);
const portrait = one("[data-portrait]", HTMLElement);
const box = one("[data-sending]", HTMLElement);
const publish = one("button[data-do]", HTMLButtonElement);
const pauseButton = one("[data-pause]", HTMLButtonElement);
const resumeButton = one("[data-resume]", HTMLButtonElement);
const cancelButton = one("[data-cancel]", HTMLButtonElement);
const sure = one("[data-sure]", HTMLDialogElement);
const {account = "", home = "", mine = ""} = form.dataset;
const rule = (/** @type {string} */ name) => Number(form.dataset[name]);
/** @type {Record<string, string>} */
const words = JSON.parse(one("[data-words]", HTMLScriptElement).text);

/** @param {string} id @param {Record<string, string | number>} [values] */
function say(id, values = {}) {
	return words[id].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

const told = new Told(box, say);
const trim = new Trim(one("[data-trim]", HTMLElement), rule("clip"), say, () => keep());
const preview = one(".preview", HTMLVideoElement);

/** @type {File | null} */
let file = null;
let sum = "";
/** @type {import("./upload-send.js").Upload | null} */
let upload = null; // that has begun
/** @type {Sending | null} */
let sending = null;
let wanted = false; // to be published as soon as all has arrived
let arrived = false;
let busy = false; // it is being published
let other = false; // the file is not the one whose upload has begun
let looking = false; // at a file, or asking the server for its upload
let chosen = 0; // counts choices, so that what was found out about an earlier file is dropped

/** @type {import("./upload-calls.js").Care} */
const care = {
	signIn: () => signIn(one("[data-signin]", HTMLDialogElement)),
	trouble(failing, offline) {
		if (sending?.paused) return;
		told.tell(failing ? say(offline ? "offline" : "busy") : wanted && !busy ? say("waiting") : "");
	},
};

/**
 * Asks for a decision.
 * @param {string} text "": no longer
 * @param {[label: string, act: () => void][]} [ways]
 * @param {string} [kind]
 */
function ask(text, ways = [], kind = "info") {
	const [words, actions] = notice.children;
	words.textContent = text;
	actions.replaceChildren(...ways.map(([label, act]) => {
		const button = document.createElement("button");
		button.type = "button";
		button.className = "plain";
		button.textContent = label;
		button.addEventListener("click", () => { ask(""); act(); });
		return button;
	}));
	notice.className = "notice " + kind;
	notice.hidden = !text;
}

/** @param {"fine" | "bad" | "look"} kind @param {string} text */
function check(kind, text) {
	const line = document.createElement("li"), mark = document.createElement("strong");
	line.className = kind;
	mark.textContent = say(kind);
	line.append(mark, " " + text);
	checks.append(line);
	checks.hidden = false;
}

/** Remembers the upload with what has been written so far. */
function keep() {
	if (!upload) return;
	const old = remembered(account); // the file that has begun may not be the one that is chosen
	const {name, sum: own} = old?.id === upload.upload_id && old.sum ? old : {name: file?.name ?? "", sum};
	remember(account, {
		id: upload.upload_id, size: upload.size, name, sum: own,
		start: other && old ? old.start : trim.start, title: title.value, description: description.value,
	});
}

/** @type {Promise<void> | null} resolved when no other tab sends */
let ours = null;
let release = () => {};
function first() {
	ours ??= new Promise(done => {
		release = alone(account, () => {
			if (notice.textContent?.startsWith(say("tabs"))) ask("");
			done();
		}, () => ask(say("tabs"), "locks" in navigator ? [] : [[say("here"), done]], "warning"));
	});
	return ours;
}

/** Looks at the chosen file, and sends it. */
async function choose() {
	const turn = ++chosen, picked = input.files?.[0] ?? null;
	ask("");
	looking = other = false;
	checks.hidden = portrait.hidden = trim.box.hidden = true;
	checks.replaceChildren();
	input.removeAttribute("aria-invalid");
	file = picked;
	if (!picked) return;
	if (picked.size > rule("most") || picked.size === 0) {
		if (picked.size === 0) ask(say("empty"), [], "bad");
		else check("bad", say("size.bad", {size: megabytes(picked.size, picked.size), most: megabytes(rule("most"), 10 << 20)}));
		input.setAttribute("aria-invalid", "true");
		input.focus();
		file = null;
		return;
	}
	looking = true;
	await first();
	const begun = await recall();
	if (turn !== chosen) return;
	if (!begun && remembered(account)) { // why it cannot be asked for has been said
		looking = false;
		return;
	}
	try {
		const found = await sumOf(picked);
		if (turn !== chosen) return;
		sum = found;
	} catch {
		if (turn === chosen) unread();
		return;
	}
	const clip = await open(preview, picked);
	if (turn !== chosen) return;
	check("fine", say("size", {size: megabytes(picked.size, picked.size)}));
	const bad = clip ? judge(clip) : (check("look", say("unseen")), false);
	const old = remembered(account), same = old?.size === picked.size && old.sum === sum;
	other = upload !== null && !same;
	if (clip && clip.height > clip.width) {
		await seek(clip.video, Math.min(1, clip.duration / 2));
		if (turn !== chosen) return;
		draw(clip.video, one("[data-portrait] canvas", HTMLCanvasElement));
		portrait.hidden = false;
	}
	trim.show(clip, same ? old.start : 0);
	looking = false;
	if (other) {
		ask(say("other", {name: old?.name ?? ""}), [
			[say("otherfile"), () => input.click()], [say("drop"), () => { drop(); begin(); }],
		], "warning");
		notice.focus();
	} else if (upload) {
		run(say("same"));
	} else if (bad) {
		ask("", [[say("anyway"), begin]]);
		notice.hidden = false;
	} else {
		begin();
	}
}

/** The phone has taken the file away. */
function unread() {
	looking = false;
	file = null;
	input.value = "";
	ask(say("unread"), [], "bad");
	input.focus();
}

/**
 * Says which rules a clip meets, and returns whether it breaks one.
 * @param {import("./upload-clip.js").Clip} clip
 */
function judge(clip) {
	const length = {length: clock(clip.duration), least: clock(rule("shortest")), most: clock(rule("longest"))};
	const short = clip.duration < rule("shortest"), long = rule("longest") > 0 && clip.duration > rule("longest");
	const picture = {size: clip.width + " × " + clip.height, pixels: rule("height")};
	const low = Math.min(clip.width, clip.height) < rule("height");
	check(short || long ? "bad" : "fine", say(short ? "length.short" : long ? "length.long" : "length", length));
	check(low ? "bad" : "fine", say(low ? "height.bad" : "height", picture));
	return short || long || low;
}

async function begin() {
	if (!file || upload || looking) return;
	looking = true;
	const turn = chosen;
	await first();
	if (turn !== chosen) return;
	const key = crypto.getRandomValues(new Uint32Array(4)).join("-");
	const about = {size: file.size, filename: file.name.slice(-200), content_type: file.type.slice(0, 200)};
	show(say("begun"));
	try {
		/** @type {import("./upload-send.js").Upload} */
		const begun = await call(care, "POST", "uploads", about, key);
		if (turn !== chosen) return discard(begun.upload_id); // cancelled meanwhile
		upload = begun;
	} catch (error) {
		if (turn !== chosen) return;
		looking = false;
		hide();
		failed(error, begin);
		return;
	}
	looking = false;
	keep();
	run(say("begun"));
}

/** @param {string} text shown in place of the choice of a file */
function show(text) {
	field(input).hidden = true;
	input.required = false;
	box.hidden = false;
	pauseButton.hidden = arrived;
	resumeButton.hidden = true;
	told.tell(text);
}

/** @param {HTMLElement} control */
const field = control => /** @type {HTMLElement} */ (control.closest(".field"));

function hide() {
	told.end();
	box.hidden = true;
	field(input).hidden = false;
	input.required = true;
}

/** Sends what is missing. @param {string} text */
async function run(text) {
	if (!file || !upload) return;
	const all = upload.size;
	arrived = false;
	show(text);
	const now = new Sending(care, file, upload, home, () => told.show(now.sent, all));
	sending = now;
	told.run(true);
	told.hold(true);
	told.show(now.sent, all);
	now.start();
	try {
		await now.done;
	} catch (error) {
		if (sending !== now) return;
		sending = null;
		hide();
		if (error === "gone") {
			remember(account, null);
			upload = null;
			ask(say("gone"));
			begin();
		} else if (error === "unreadable") {
			unread();
		} else {
			failed(error, () => run(""));
		}
		return;
	}
	if (sending === now) complete();
}

function complete() {
	if (!upload) return;
	arrived = true;
	sending = null;
	told.run(false);
	told.hold(false);
	told.show(upload.size, upload.size);
	show(say("arrived"));
	if (wanted) finish();
}

async function finish() {
	if (!upload || busy) return;
	busy = true;
	told.tell(say("saving"));
	try {
		const video = await call(care, "POST", "uploads/" + upload.upload_id + "/complete", {
			title: title.value, description: description.value, start_seconds: trim.start,
		});
		remember(account, null);
		told.end();
		location.replace(mine + video.video_id + "?said=uploaded");
	} catch (error) {
		busy = wanted = false;
		failed(error, finish);
	}
}

/**
 * Says why something is refused.
 * @param {unknown} error
 * @param {() => void} again
 */
function failed(error, again) {
	if (!(error instanceof Refused)) throw error;
	const named = error.errors.filter(e => wrong(e.location?.split(".")[1] ?? "", e.message ?? ""));
	told.tell(arrived ? say("arrived") : "");
	if (named.length > 0) {
		/** @type {HTMLElement | null} */ (form.querySelector("[aria-invalid]"))?.focus();
		return;
	}
	if (error.code === "upload_incomplete") {
		wanted = true;
		restore();
		return;
	}
	if (error.status === 404 || ["not_a_video", "other_type", "upload_discarded"].includes(error.code)) {
		remember(account, null);
		upload = null;
		arrived = false;
		hide();
		input.value = "";
	}
	/** @type {[string, () => void][]} */
	const ways = upload || file && input.value ? [[say("again"), again]] : [];
	if (error.code === "too_many_uploads") ways.unshift([say("dropall"), () => dropAll().then(again)]);
	ask([error.message, ...error.errors.map(e => e.message)].join(" "), ways, "bad");
	notice.focus();
}

/** Says at a field what is wrong with it. @param {string} name @param {string} message */
function wrong(name, message) {
	if (name === "start_seconds") {
		trim.box.hidden = false;
		trim.wrong.textContent = message;
		trim.wrong.hidden = false;
		trim.field.setAttribute("aria-invalid", "true");
		return true;
	}
	const control = form.elements.namedItem(name);
	if (!(control instanceof HTMLElement) || control === input) return false;
	const said = document.getElementById(name + "-error") ?? document.createElement("p");
	said.id = name + "-error";
	said.className = "error";
	said.textContent = message;
	control.before(said);
	control.setAttribute("aria-invalid", "true");
	control.setAttribute("aria-describedby", name + "-hint " + said.id);
	control.addEventListener("input", () => {
		said.remove();
		control.removeAttribute("aria-invalid");
	}, {once: true});
	return true;
}

/** Cancels the upload that has begun. */
function drop() {
	const id = upload?.upload_id;
	sending?.stop();
	sending = upload = null;
	arrived = wanted = other = looking = false;
	remember(account, null);
	hide();
	release();
	ours = null;
	if (id) discard(id);
}

/** Lets the server forget an upload, which expires by itself: it is tried for a minute. @param {string} id */
function discard(id) {
	return call({signIn: () => Promise.reject(), trouble() {}, tries: 7}, "DELETE", "uploads/" + id).catch(() => {});
}

async function dropAll() {
	for (const {upload_id} of await call(care, "GET", "uploads")) await discard(upload_id);
}

/** Asks for the upload that this browser remembers. @param {boolean} [again] */
async function recall(again) {
	const memory = remembered(account);
	if (again) upload = null;
	try {
		if (memory) upload ??= await call(care, "GET", "uploads/" + memory.id);
	} catch (error) {
		if (!(error instanceof Refused)) throw error;
		if ([403, 404].includes(error.status)) remember(account, null);
		else failed(error, choose);
	}
	return upload;
}

/** Finds the upload that was begun before this page was loaded. */
async function restore() {
	const memory = remembered(account);
	if (!memory) return;
	await first();
	const found = await recall(true);
	if (!found) return;
	if (!title.value) title.value = memory.title;
	if (!description.value) description.value = memory.description;
	const received = found.parts.reduce((sum, part) => sum + (part.received ? part.size : 0), 0);
	if (received === found.size) {
		trim.show(null, memory.start);
		complete();
		if (!wanted) told.tell(say("whole", {name: memory.name}));
	} else if (file) {
		run("");
	} else {
		ask(say("found", {percent: Math.floor(100 * received / found.size), name: memory.name}),
			[[say("old"), () => { drop(); input.focus(); }]]);
	}
}

form.prepend(field(input), box, notice, checks, portrait, trim.box);
field(one("#start_seconds", HTMLInputElement)).remove();
one("[data-plain]", HTMLElement).remove();
publish.textContent = publish.dataset.do ?? "";
input.addEventListener("change", choose);
for (const control of [title, description]) control.addEventListener("input", keep);

pauseButton.addEventListener("click", () => {
	sending?.pause();
	told.run(false);
	told.tell(say("paused"));
	pauseButton.hidden = true;
	resumeButton.hidden = false;
	resumeButton.focus();
});
resumeButton.addEventListener("click", () => {
	told.run(true);
	told.tell(say("begun"));
	pauseButton.hidden = false;
	resumeButton.hidden = true;
	pauseButton.focus();
	sending?.start();
});
cancelButton.addEventListener("click", () => sure.showModal());
sure.addEventListener("close", () => {
	if (sure.returnValue !== "yes") return;
	sure.returnValue = "";
	chosen++;
	drop();
	input.value = "";
	file = null;
	checks.hidden = portrait.hidden = trim.box.hidden = true;
	ask(say("canceled"));
	input.focus();
});

form.addEventListener("submit", event => {
	event.preventDefault();
	if (busy || !trim.check()) return;
	keep();
	wanted = true;
	if (arrived) finish();
	else if (sending && !sending.paused) told.tell(say("waiting"));
	else if (file && !upload) begin();
	else if (!sending) (notice.hidden ? input : notice).focus();
});

/** @type {HTMLElement | null} */ (document.querySelector(".summary"))?.focus();
restore().then(() => {
	if (input.files?.length) choose(); // before this script came
});
