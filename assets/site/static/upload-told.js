// How far an upload is, for eyes, for ears and in the title of the tab.

/**
 * Returns what the page must have.
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} within
 * @returns {T}
 */
export function one(selector, kind, within = document) {
	const found = within.querySelector(selector);
	if (!(found instanceof kind)) throw new Error("the page lacks " + selector);
	return found;
}

/** @param {number} bytes @param {number} all so many megabytes are written as suit it */
export function megabytes(bytes, all) {
	const digits = all < 10 << 20 ? 1 : 0;
	return (bytes / (1 << 20)).toLocaleString(document.documentElement.lang, {
		minimumFractionDigits: digits, maximumFractionDigits: digits,
	});
}

export class Told {
	#title = document.title;
	/** @type {[at: number, sent: number][]} */
	#samples = [];
	#began = 0;
	#quarter = 0;
	#active = false;
	/** @type {{release: () => Promise<void>} | null} */
	#lock = null;
	/** @param {BeforeUnloadEvent} event */
	#leaving = event => event.preventDefault();

	/**
	 * @param {HTMLElement} box
	 * @param {(id: string, values?: Record<string, string | number>) => string} say
	 */
	constructor(box, say) {
		this.box = box;
		this.say = say;
		this.bar = one("progress", HTMLProgressElement, box);
		this.line = one("[data-line]", HTMLElement, box);
		this.state = one("[data-state]", HTMLElement, box);
		this.ears = one("[data-ears]", HTMLElement, box);
		document.addEventListener("visibilitychange", () => this.#wake());
	}

	/** @param {string} text */
	tell(text) {
		if (this.state.textContent !== text) this.state.textContent = text;
	}

	/** @param {boolean} active bytes go, so the screen stays on, and the average begins anew */
	run(active) {
		this.#active = active;
		this.#samples = [];
		this.#began = performance.now();
		this.#wake();
	}

	/** Leaving asks first only while bytes are missing. @param {boolean} missing */
	hold(missing) {
		if (missing) addEventListener("beforeunload", this.#leaving);
		else removeEventListener("beforeunload", this.#leaving);
	}

	/** @param {number} sent @param {number} all bytes */
	show(sent, all) {
		const percent = Math.floor(100 * sent / all), now = performance.now();
		this.bar.value = sent / all;
		const last = this.#samples.at(-1);
		if (last && sent < last[1]) this.#samples = []; // a part goes again
		this.#samples.push([now, sent]);
		while (this.#samples.length > 2 && now - this.#samples[0][0] > 15_000) this.#samples.shift();
		let line = percent + " % · " + this.say("sent", {sent: megabytes(sent, all), all: megabytes(all, all)});
		const [at, before] = this.#samples[0];
		if (this.#active && sent < all && sent > before && now - this.#began > 5000) {
			line += " · " + this.#left((all - sent) / (sent - before) * (now - at) / 60_000);
		}
		this.line.textContent = line;
		document.title = percent + " % · " + this.#title;
		const quarter = Math.floor(percent / 25);
		if (quarter > this.#quarter && percent < 100) this.ears.textContent = 25 * quarter + " %";
		this.#quarter = quarter;
	}

	/** @param {number} minutes */
	#left(minutes) {
		if (minutes < .75) return this.say("left.less");
		if (minutes < 1.5) return this.say("left.one");
		if (minutes < 90) return this.say("left.minutes", {minutes: Math.round(minutes)});
		return this.say("left.hours", {hours: Math.round(minutes / 60)});
	}

	end() {
		this.run(false);
		this.hold(false);
		this.#quarter = 0;
		document.title = this.#title;
	}

	async #wake() {
		const wakeLock = /** @type {{request(kind: string): Promise<{release(): Promise<void>}>} | undefined} */ (
			Reflect.get(navigator, "wakeLock"));
		try {
			if (this.#active && document.visibilityState === "visible") {
				this.#lock ??= await wakeLock?.request("screen") ?? null;
			} else {
				const lock = this.#lock;
				this.#lock = null; // a browser takes it away from a hidden page
				await lock?.release();
			}
		} catch {
			// The battery is low: the screen goes dark as ever.
		}
	}
}
