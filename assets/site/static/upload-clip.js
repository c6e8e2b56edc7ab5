import {one} from "./upload-told.js";

/** @typedef {{duration: number, width: number, height: number, video: HTMLVideoElement}} Clip */

/**
 * Waits for an event, but not for ever.
 * @param {EventTarget} target
 * @param {string} name
 * @param {number} most milliseconds
 * @returns {Promise<boolean>} whether it came
 */
export function heard(target, name, most) {
	return new Promise(done => {
		target.addEventListener(name, () => done(true), {once: true});
		setTimeout(() => done(false), most);
	});
}

/**
 * Opens a file in a player. It returns null if this browser cannot show it.
 * @param {HTMLVideoElement} video
 * @param {File} file
 * @returns {Promise<Clip | null>}
 */
export async function open(video, file) {
	if (video.src) URL.revokeObjectURL(video.src);
	video.muted = video.playsInline = true;
	video.preload = "auto";
	const failed = heard(video, "error", 8000).then(() => false);
	const known = heard(video, "loadedmetadata", 8000);
	video.src = URL.createObjectURL(file);
	if (!await Promise.race([known, failed]) || !video.videoWidth) return null;
	if (video.duration === Infinity) { // what browsers record says its length at its end
		const told = heard(video, "durationchange", 3000);
		video.currentTime = 1e7;
		await told;
		video.currentTime = 0;
	}
	if (!Number.isFinite(video.duration) || video.duration <= 0) return null;
	return {duration: video.duration, width: video.videoWidth, height: video.videoHeight, video};
}

/**
 * Shows the picture at a moment. Its frame may come after the player says so, or never.
 * @param {HTMLVideoElement} video
 * @param {number} at seconds
 */
export async function seek(video, at) {
	/** @type {Promise<unknown>} */
	const frame = "requestVideoFrameCallback" in video
		? new Promise(done => { video.requestVideoFrameCallback(done); }) : Promise.resolve();
	const there = heard(video, "seeked", 2000);
	video.currentTime = at;
	await there;
	await Promise.race([frame, new Promise(done => setTimeout(done, 250))]);
}

/**
 * Draws what the player shows, as it will be published.
 * @param {HTMLVideoElement} video
 * @param {HTMLCanvasElement} canvas
 */
export function draw(video, canvas) {
	const scale = Math.min(canvas.width / video.videoWidth, canvas.height / video.videoHeight);
	const width = video.videoWidth * scale, height = video.videoHeight * scale;
	const context = canvas.getContext("2d");
	context?.fillRect(0, 0, canvas.width, canvas.height);
	context?.drawImage(video, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

// The part of a clip that is published: a window over pictures of it, moved by a slider, by keys, or by writing.

/** @param {number} seconds */
export function clock(seconds) {
	const tenths = Math.round(seconds * 10);
	const rest = tenths % 600 / 10;
	return Math.floor(tenths / 600) + ":" + String(Math.floor(rest)).padStart(2, "0") +
		(rest % 1 ? (document.documentElement.lang === "en" ? "." : ",") + Math.round(rest % 1 * 10) : "");
}

/**
 * Reads minutes and seconds, or seconds alone.
 * @param {string} typed
 */
export function secondsOf(typed) {
	const found = /^\s*(?:(\d{1,4})\s*:\s*)?(\d{1,5}(?:[.,]\d{1,3})?)\s*$/.exec(typed);
	if (!found || found[1] !== undefined && parseFloat(found[2]) >= 60) return typed.trim() ? NaN : 0;
	return 60 * Number(found[1] ?? 0) + parseFloat(found[2].replace(",", "."));
}

export class Trim {
	/** @type {Clip | null} */
	#clip = null;
	#drawn = 0; // counts clips, so that the pictures of an earlier one stop

	/**
	 * @param {HTMLElement} box
	 * @param {number} most seconds that are published
	 * @param {(id: string, values?: Record<string, string | number>) => string} say
	 * @param {(start: number) => void} moved
	 */
	constructor(box, most, say, moved) {
		this.box = box;
		this.most = most;
		this.say = say;
		this.moved = moved;
		this.start = 0;
		this.range = one("input[type=range]", HTMLInputElement, box);
		this.field = one("input[type=text]", HTMLInputElement, box);
		this.wrong = one(".error", HTMLElement, box);
		this.view = one("[data-view]", HTMLElement, box);
		this.strip = one(".strip", HTMLElement, box);
		this.window = one(".window", HTMLElement, box);
		this.listen = one("[data-listen]", HTMLElement, box);
		this.range.addEventListener("input", () => this.move(Number(this.range.value)));
		this.range.addEventListener("keydown", event => {
			const step = {PageUp: 5, PageDown: -5}[event.key];
			if (!step) return;
			event.preventDefault();
			this.move(this.start + step);
		});
		this.field.addEventListener("change", () => {
			const typed = secondsOf(this.field.value);
			if (this.#tell(typed)) this.move(typed);
		});
		this.listen.addEventListener("click", () => this.#play());
	}

	get #last() { return this.#clip ? Math.max(0, Math.floor(2 * (this.#clip.duration - this.most)) / 2) : 86400; }

	/** @param {number} typed */
	#tell(typed) {
		const fine = typed >= 0 && typed <= this.#last;
		this.wrong.hidden = fine;
		this.wrong.textContent = fine ? "" : this.say("start", {to: clock(this.#last)});
		if (fine) this.field.removeAttribute("aria-invalid");
		else this.field.setAttribute("aria-invalid", "true");
		return fine;
	}

	/** Reports whether what is written can be used; if not, it has the focus. */
	check() {
		const fine = this.box.hidden || this.#tell(secondsOf(this.field.value));
		if (!fine) this.field.focus();
		return fine;
	}

	/** @param {number} start seconds */
	move(start) {
		this.start = Math.max(0, Math.min(start, this.#last));
		this.field.value = clock(this.start);
		this.#tell(this.start);
		this.moved(this.start);
		if (!this.#clip) return;
		const {duration, video} = this.#clip;
		this.range.value = String(this.start);
		this.range.setAttribute("aria-valuetext", this.say("part", {
			from: clock(this.start), to: clock(Math.min(duration, this.start + this.most)), all: clock(duration),
		}));
		this.window.style.left = 100 * this.start / duration + "%";
		this.window.style.width = 100 * Math.min(1, this.most / duration) + "%";
		if (video.paused) video.currentTime = this.start;
	}

	/**
	 * Shows a clip, or the field alone for one that this browser cannot show.
	 * @param {Clip | null} clip
	 * @param {number} start seconds
	 */
	async show(clip, start) {
		const drawn = ++this.#drawn;
		this.#clip = clip;
		this.view.hidden = !clip;
		this.box.hidden = clip !== null && clip.duration <= this.most;
		if (this.box.hidden) {
			this.start = 0;
			return;
		}
		if (!clip) {
			this.move(start);
			return;
		}
		const memory = /** @type {number | undefined} */ (Reflect.get(navigator, "deviceMemory"));
		const count = (memory ?? 4) <= 2 ? 5 : 8;
		const frames = [...Array(count)].map(() => {
			const canvas = document.createElement("canvas");
			canvas.height = 112;
			canvas.width = Math.round(112 * clip.width / clip.height);
			return canvas;
		});
		this.strip.replaceChildren(...frames, this.window);
		this.range.max = String(this.#last);
		this.move(start);
		for (const [i, frame] of frames.entries()) {
			if (drawn !== this.#drawn || !clip.video.paused) break;
			await seek(clip.video, clip.duration * (i + .5) / count);
			draw(clip.video, frame);
		}
		if (drawn === this.#drawn && clip.video.paused) clip.video.currentTime = this.start;
	}

	/** Plays the part, or ends that. */
	#play() {
		const video = this.#clip?.video;
		if (!video) return;
		if (!video.paused) {
			video.pause();
			return;
		}
		const end = this.start + this.most;
		const over = () => { if (video.currentTime >= end) video.pause(); };
		video.addEventListener("timeupdate", over);
		video.addEventListener("pause", () => {
			video.removeEventListener("timeupdate", over);
			this.listen.textContent = this.say("listen");
			video.currentTime = this.start;
		}, {once: true});
		video.muted = false;
		video.currentTime = this.start;
		this.listen.textContent = this.say("stop");
		video.play().catch(() => { this.listen.textContent = this.say("listen"); });
	}
}
